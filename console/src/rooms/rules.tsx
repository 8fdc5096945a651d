import { ArrowDownOutlined, ArrowUpOutlined, FilterOutlined, HolderOutlined } from '@ant-design/icons';
import { App, Button, Grid, Space, Switch, Tooltip } from 'antd';
import { useState } from 'react';
import { api, ifMatch, must, type Rule, type Schemas } from '../api/client';
import { useRules } from '../api/data';
import { orderRules, resumeRule } from '../api/calls';
import { moved } from '../lib/reorder';
import { useAddress, useGo, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Actions, Nothing, Page, To, When } from '../ui/parts';
import { NameOf, VolumePick } from '../ui/pick';
import { DataTable } from '../ui/table';

/** When it ran and runs, or why not. */
function Runs({ rule }: { rule: Rule }) {
  if (rule.suspended)
    return (
      <div style={{ maxWidth: 150, whiteSpace: 'normal' }}>
        <span className="tag warn">suspended</span>
        <div className="sub">{rule.suspended.text || rule.suspended.reason}</div>
      </div>
    );
  return (
    <div>
      {rule.next_run_at ? (
        <>
          next <When at={rule.next_run_at} />
        </>
      ) : rule.start_used_percent ? (
        `above ${rule.start_used_percent} % used`
      ) : (
        'by hand'
      )}
      {rule.last_run && (
        <div className="sub">
          <To path={`/jobs/${rule.last_run.job_id}`}>{rule.last_run.state}</To> <When at={rule.last_run.at} />
        </div>
      )}
    </div>
  );
}

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
  // Rules are ordered within their volume: so they are dragged only where one volume is shown, and whole.
  const whole = who.mayWrite && !!volume && !list.more && list.items.length > 1;
  const wide = Grid.useBreakpoint().md ?? true;
  const dragging = whole && wide;
  const rules = [...list.items].sort(
    (a, b) => (a.volume_id === b.volume_id ? a.position - b.position : 0) || 0,
  );
  const [held, setHeld] = useState<number>();
  const [over, setOver] = useState<number>();
  const order = useAct((ids: string[]) => orderRules(volume!, ids), ['rules']);
  const put = (from: number, to: number) => {
    const next = moved(rules, from, to);
    if (next !== rules) order.mutate(next.map((r) => r.id));
  };
  const resume = useAct((id: string) => resumeRule(id), ['rules', 'rule']);
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
      text={`In order; the first that matches a file decides.${
        dragging
          ? ' Drag them, or use the arrows.'
          : who.mayWrite && !volume && wide
            ? ' Choose a volume to drag them.'
            : ''
      }`}
      actions={
        <>
          <VolumePick
            customer={who.customer}
            style={{ width: 200 }}
            value={volume}
            onChange={(v) => change({ volume: v })}
          />
          {add}
        </>
      }
    >
      <DataTable
        list={{ ...list, items: rules }}
        what="rules"
        rowKey="id"
        onRow={
          dragging
            ? (_, i) => ({
                draggable: true,
                className: over === i && held !== i ? (held! < i! ? 'drop-below' : 'drop-above') : '',
                onDragStart: (e) => {
                  setHeld(i);
                  e.dataTransfer.effectAllowed = 'move';
                },
                onDragOver: (e) => {
                  if (held === undefined) return;
                  e.preventDefault();
                  setOver(i);
                },
                onDrop: (e) => {
                  e.preventDefault();
                  if (held !== undefined && i !== undefined) put(held, i);
                },
                onDragEnd: () => {
                  setHeld(undefined);
                  setOver(undefined);
                },
              })
            : undefined
        }
        acts={(r) => (
          <Space size={4}>
            <Button size="small" onClick={() => go('/plan', { volume: r.volume_id, rule: r.id })}>
              Plan
            </Button>
            {who.mayWrite && (
              <Button size="small" type="primary" ghost disabled={!r.enabled} onClick={() => ask(r)}>
                Run
              </Button>
            )}
            <Actions
              of={r.name}
              items={[
                { label: 'Open', act: () => go(`/rules/${r.id}`) },
                { label: 'Versions', act: () => go(`/rules/${r.id}`, { tab: 'versions' }) },
                ...(who.mayWrite && r.suspended ? [{ label: 'Resume', act: () => resume.mutate(r.id) }] : []),
              ]}
            />
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
                <div className="sub">
                  {!volume && (
                    <>
                      <NameOf noun="volumes" id={r.volume_id} customer={who.customer} />,{' '}
                    </>
                  )}
                  changed <When at={r.updated_at} />
                </div>
              </div>
            ),
          },
          {
            title: 'Order',
            render: (_, r) => {
              const same = rules.filter((x) => x.volume_id === r.volume_id);
              const at = same.findIndex((x) => x.id === r.id);
              const to = (n: number) =>
                whole ? put(at, at + n) : patch.mutate({ rule: r, body: { position: r.position + n } });
              return (
                <Space size={2}>
                  {dragging && (
                    <span title="Drag to another place" aria-hidden="true" className="holder">
                      <HolderOutlined />
                    </span>
                  )}
                  <span className="num">{r.position}</span>
                  {who.mayWrite && (
                    <>
                      <Tooltip title="Earlier">
                        <Button
                          size="small"
                          type="text"
                          aria-label={`${r.name} earlier`}
                          icon={<ArrowUpOutlined />}
                          disabled={r.position <= 1 || order.isPending}
                          onClick={() => to(-1)}
                        />
                      </Tooltip>
                      <Tooltip title="Later">
                        <Button
                          size="small"
                          type="text"
                          aria-label={`${r.name} later`}
                          icon={<ArrowDownOutlined />}
                          disabled={(!list.more && at === same.length - 1) || order.isPending}
                          onClick={() => to(1)}
                        />
                      </Tooltip>
                    </>
                  )}
                </Space>
              );
            },
          },
          {
            title: 'Does',
            render: (_, r) => (
              <span
                className={`tag ${r.action === 'pin' ? 'pin' : r.action === 'tier' || r.action === 'archive' ? 'stub' : ''}`}
              >
                {r.action}
              </span>
            ),
          },
          {
            title: 'Where',
            render: (_, r) => (
              <div className="mono" style={{ maxWidth: 300, whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                {r.where}
              </div>
            ),
          },
          {
            title: 'Runs',
            render: (_, r) => <Runs rule={r} />,
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
        ]}
      />
    </Page>
  );
}
