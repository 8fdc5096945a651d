import { words } from '../lib/words';
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
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
        <span className="tag warn">
          <Trans>suspended</Trans>
        </span>
        <div className="sub">{rule.suspended.text || words(rule.suspended.reason)}</div>
      </div>
    );
  return (
    <div>
      {rule.next_run_at ? (
        <>
          <Trans>
            next <When at={rule.next_run_at} />
          </Trans>
        </>
      ) : rule.start_used_percent ? (
        t`above ${rule.start_used_percent} % used`
      ) : (
        t`by hand`
      )}
      {rule.last_run && (
        <div className="sub">
          <To path={`/jobs/${rule.last_run.job_id}`}>{words(rule.last_run.state)}</To>{' '}
          <When at={rule.last_run.at} />
        </div>
      )}
    </div>
  );
}

const WILL = (): Record<Rule['action'], string> => ({
  tier: t`It will tier every file it decides. The preview in its editor tells which.`,
  archive: t`It will archive every file it decides. The preview in its editor tells which.`,
  recall: t`It will recall every file it decides. The preview in its editor tells which.`,
  pin: t`It will pin every file it decides. The preview in its editor tells which.`,
  exclude: t`It will exclude every file it decides. The preview in its editor tells which.`,
});

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
      title: t`Run “${r.name}” now?`,
      content: WILL()[r.action],
      okText: t`Run`,
      onOk: () => run.mutateAsync(r.id).catch(() => undefined),
    });
  const add = who.mayWrite && (
    <Button type="primary" onClick={() => go('/rules/new', { volume })}>
      <Trans>Add rule</Trans>
    </Button>
  );
  return (
    <Page
      title={t`Rules`}
      text={
        <>
          <Trans>In order; the first that matches a file decides.</Trans>{' '}
          {dragging ? (
            <Trans>Drag them, or use the arrows.</Trans>
          ) : (
            who.mayWrite && !volume && wide && <Trans>Choose a volume to drag them.</Trans>
          )}
        </>
      }
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
              <Trans>Plan</Trans>
            </Button>
            {who.mayWrite && (
              <Button size="small" type="primary" ghost disabled={!r.enabled} onClick={() => ask(r)}>
                <Trans>Run</Trans>
              </Button>
            )}
            <Actions
              of={r.name}
              items={[
                { label: t`Open`, act: () => go(`/rules/${r.id}`) },
                { label: t`Versions`, act: () => go(`/rules/${r.id}`, { tab: 'versions' }) },
                ...(who.mayWrite && r.suspended
                  ? [{ label: t`Resume`, act: () => resume.mutate(r.id) }]
                  : []),
              ]}
            />
          </Space>
        )}
        empty={
          <Nothing
            icon={<FilterOutlined />}
            title={t`No rule yet`}
            text={t`A rule says which files are cold. The preview shows what it would do before it does anything.`}
            action={add}
            command={
              'alto rule add --volume VOLUME --name NAME --where "size >= 10MB and accessed older than 90d"'
            }
          />
        }
        columns={[
          {
            title: t`Name`,
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
                  <Trans>
                    changed <When at={r.updated_at} />
                  </Trans>
                </div>
              </div>
            ),
          },
          {
            title: t`Order`,
            render: (_, r) => {
              const same = rules.filter((x) => x.volume_id === r.volume_id);
              const at = same.findIndex((x) => x.id === r.id);
              const to = (n: number) =>
                whole ? put(at, at + n) : patch.mutate({ rule: r, body: { position: r.position + n } });
              return (
                <Space size={2}>
                  {dragging && (
                    <span title={t`Drag to another place`} aria-hidden="true" className="holder">
                      <HolderOutlined />
                    </span>
                  )}
                  <span className="num">{r.position}</span>
                  {who.mayWrite && (
                    <>
                      <Tooltip title={t`Earlier`}>
                        <Button
                          size="small"
                          type="text"
                          aria-label={t`${r.name} earlier`}
                          icon={<ArrowUpOutlined />}
                          disabled={r.position <= 1 || order.isPending}
                          onClick={() => to(-1)}
                        />
                      </Tooltip>
                      <Tooltip title={t`Later`}>
                        <Button
                          size="small"
                          type="text"
                          aria-label={t`${r.name} later`}
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
            title: t`Does`,
            render: (_, r) => (
              <span
                className={`tag ${r.action === 'pin' ? 'pin' : r.action === 'tier' || r.action === 'archive' ? 'stub' : ''}`}
              >
                {words(r.action)}
              </span>
            ),
          },
          {
            title: t`Where`,
            render: (_, r) => (
              <div className="mono" style={{ maxWidth: 300, whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                {r.where}
              </div>
            ),
          },
          {
            title: t`Runs`,
            render: (_, r) => <Runs rule={r} />,
          },
          {
            title: t`On`,
            render: (_, r) => (
              <Switch
                size="small"
                aria-label={t`${r.name} on`}
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
