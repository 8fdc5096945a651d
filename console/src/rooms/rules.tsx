import { ArrowDownOutlined, ArrowUpOutlined, FilterOutlined } from '@ant-design/icons';
import { App, Button, Space, Switch, Tooltip } from 'antd';
import { api, ifMatch, must, type Rule, type Schemas } from '../api/client';
import { useRules } from '../api/data';
import { useAddress, useGo, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Nothing, Page, To, When } from '../ui/parts';
import { NameOf, Pick } from '../ui/pick';
import { DataTable } from '../ui/table';

export default function Rules() {
  const who = useWho();
  const go = useGo();
  const { modal } = App.useApp();
  const [search, change] = useAddress();
  const volume = search.get('volume') ?? undefined;
  const list = useRules(who.customer, volume);
  const patch = useAct(
    ({ rule, body }: { rule: Rule; body: Schemas['RuleChange'] }) =>
      must(api.PATCH('/rules/{id}', { params: { path: { id: rule.id }, header: ifMatch(rule) }, body })),
    ['rules'],
  );
  const run = useAct(
    (id: string) => must(api.POST('/rules/{id}/run', { params: { path: { id } } })),
    ['jobs'],
    (job) => go(`/jobs/${job.id}`),
  );
  const ask = (r: Rule) =>
    modal.confirm({
      title: `Run “${r.name}” now?`,
      content: `It will ${r.action} every file it decides. The preview in its editor tells which.`,
      okText: 'Run',
      onOk: () => run.mutateAsync(r.id).catch(() => undefined),
    });
  const add = who.mayWrite && (
    <Button type="primary" onClick={() => go('/rules/new', { volume })}>
      Add rule
    </Button>
  );
  return (
    <Page
      title="Rules"
      text="In order; the first that matches a file decides."
      actions={
        <>
          <Pick
            noun="volumes"
            customer={who.customer}
            allowClear
            label="Volume"
            placeholder="All volumes"
            style={{ width: 200 }}
            value={volume}
            onChange={(v) => change({ volume: v })}
          />
          {add}
        </>
      }
    >
      <DataTable
        list={list}
        what="rules"
        rowKey="id"
        acts={(r) => (
          <Space size={4}>
            <Button size="small" onClick={() => go(`/rules/${r.id}`)}>
              Open
            </Button>
            {who.mayWrite && (
              <Button size="small" type="primary" ghost disabled={!r.enabled} onClick={() => ask(r)}>
                Run
              </Button>
            )}
          </Space>
        )}
        empty={
          <Nothing
            icon={<FilterOutlined />}
            title="No rule yet"
            text="A rule says which files are cold. The preview shows what it would do before it does anything."
            action={add}
            command={
              'alto rule add --volume VOLUME --name NAME --where "size >= 10MB and accessed older than 90d"'
            }
          />
        }
        columns={[
          {
            title: 'Name',
            fixed: true,
            render: (_, r) => (
              <div style={{ maxWidth: 200, minWidth: 120, whiteSpace: 'normal' }}>
                <To path={`/rules/${r.id}`}>{r.name}</To>
              </div>
            ),
          },
          {
            title: 'Order',
            render: (_, r) => (
              <Space size={2}>
                <span className="num">{r.position}</span>
                {who.mayWrite && (
                  <>
                    <Tooltip title="Earlier">
                      <Button
                        size="small"
                        type="text"
                        aria-label={`${r.name} earlier`}
                        icon={<ArrowUpOutlined />}
                        disabled={r.position <= 1}
                        onClick={() => patch.mutate({ rule: r, body: { position: r.position - 1 } })}
                      />
                    </Tooltip>
                    <Tooltip title="Later">
                      <Button
                        size="small"
                        type="text"
                        aria-label={`${r.name} later`}
                        icon={<ArrowDownOutlined />}
                        onClick={() => patch.mutate({ rule: r, body: { position: r.position + 1 } })}
                      />
                    </Tooltip>
                  </>
                )}
              </Space>
            ),
          },
          {
            title: 'Volume',
            render: (_, r) => <NameOf noun="volumes" id={r.volume_id} customer={who.customer} />,
          },
          {
            title: 'Does',
            render: (_, r) => (
              <span className={`tag ${r.action === 'pin' ? 'pin' : r.action === 'tier' ? 'stub' : ''}`}>
                {r.action}
              </span>
            ),
          },
          {
            title: 'Where',
            render: (_, r) => (
              <div className="mono" style={{ maxWidth: 320, whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                {r.where}
              </div>
            ),
          },
          {
            title: 'On',
            render: (_, r) => (
              <Switch
                size="small"
                aria-label={`${r.name} on`}
                disabled={!who.mayWrite}
                checked={r.enabled}
                onChange={(enabled) => patch.mutate({ rule: r, body: { enabled } })}
              />
            ),
          },
          {
            title: 'Changed',
            render: (_, r) => (
              <span>
                <When at={r.updated_at} />
              </span>
            ),
          },
        ]}
      />
    </Page>
  );
}
