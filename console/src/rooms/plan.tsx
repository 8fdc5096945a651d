// What a rule would do, in full: before anything is moved.
import { plural, t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { FundProjectionScreenOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { App, Button, Card, Dropdown, Form, Input, InputNumber, Select, Skeleton } from 'antd';
import { useState } from 'react';
import { api, must, type Schemas } from '../api/client';
import { useNamed, useRules } from '../api/data';
import {
  type Costs,
  type ExportAsk,
  getCosts,
  makeExport,
  makePlan,
  type Plan,
  type PlanAsk,
  ruleVersions,
  setCosts,
} from '../api/calls';
import { counted } from '../lib/counted';
import { bytes, count, money as moneyOf, percent } from '../lib/format';
import { bytesOf, parseRule, printRule, textOf } from '../lib/rulelang';
import { useAddress, useGo, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { Failed, Nothing, Page, TIERED, When } from '../ui/parts';
import { Pick } from '../ui/pick';
import {
  ageName,
  ageShort,
  Chart,
  FilesTable,
  Folders,
  GroupBars,
  PlanSays,
  Refusals,
  sizeName,
  sizeShort,
  Tiles,
} from '../ui/planview';
import type { Place } from '../lib/path';

/** "12345.6" with its currency, as people write money. */
export function money(amount: string, currency: string): string {
  const n = Number(amount);
  return Number.isFinite(n) ? moneyOf(n, currency) : `${amount} ${currency}`;
}

/** The same rule, below one folder only. Nothing when it cannot be read. */
export function narrow(where: string, folder: Place): string | undefined {
  const p = parseRule(where);
  if (!p.ok) return undefined;
  const raw = folder.b64 ? Uint8Array.from(atob(folder.b64), (c) => c.charCodeAt(0)) : bytesOf(folder.path);
  const text = textOf(raw)
    .replace(/[\\*?[]/g, '\\$&')
    .replace(/\/$/, '');
  return printRule({
    kind: 'and',
    parts: [
      ...(p.node.kind === 'and' ? p.node.parts : [p.node]),
      {
        kind: 'leaf',
        field: 'path',
        op: 'matches',
        negated: false,
        values: [{ is: 'text', text: `${text}/**`, fold: false }],
      },
    ],
  });
}

function CostDialog({ customer, onClose }: { customer: string; onClose: () => void }) {
  const [form] = Form.useForm<Costs>();
  const now = useQuery({ queryKey: ['costs', customer], queryFn: () => getCosts(customer) });
  const save = useAct(
    (v: Costs) => setCosts(customer, { ...v, version: now.data!.version }),
    ['costs', 'plan'],
    onClose,
    true,
  );
  const price = [{ pattern: /^\d{1,7}(\.\d{1,4})?$/, message: t`An amount such as 12.50` }];
  return (
    <Dialog
      open
      title={t`What storage costs`}
      okText={t`Save`}
      confirmLoading={save.isPending}
      okButtonProps={{ disabled: !now.data }}
      onOk={() => form.submit()}
      onCancel={onClose}
    >
      {(save.error ?? now.error) && (
        <Failed error={save.error ?? now.error} retry={now.error ? () => void now.refetch() : undefined} />
      )}
      {!now.data ? (
        !now.error && <Skeleton active />
      ) : (
        <Form
          form={form}
          layout="vertical"
          initialValues={{ ...now.data, currency: now.data.currency ?? 'EUR' }}
          onFinish={(v) => save.mutate(v)}
        >
          <Form.Item
            name="currency"
            label={t`Currency`}
            rules={[
              { required: true, pattern: /^[A-Z]{3}$/, message: t`Three capital letters, such as EUR` },
            ]}
          >
            <Input maxLength={3} style={{ width: 110 }} autoComplete="off" />
          </Form.Item>
          <Form.Item name="primary_tb_month" label={t`Local storage, per TB and month`} rules={price}>
            <Input inputMode="decimal" placeholder={t`not set`} autoComplete="off" />
          </Form.Item>
          <Form.Item name="tier_tb_month" label={t`The share, per TB and month`} rules={price}>
            <Input inputMode="decimal" placeholder={t`not set`} autoComplete="off" />
          </Form.Item>
          <Form.Item name="recall_gb" label={t`Bringing back, per GB`} rules={price}>
            <Input inputMode="decimal" placeholder={t`not set`} autoComplete="off" />
          </Form.Item>
          <p className="sub">
            <Trans>Of one customer, for plans only: nothing is billed by it.</Trans>
          </p>
        </Form>
      )}
    </Dialog>
  );
}

type Wanted = Pick<ExportAsk, 'format' | 'refused'>;

function Export({ ask }: { ask: Omit<ExportAsk, keyof Wanted> }) {
  const { message } = App.useApp();
  const make = useAct(
    (wanted: Wanted) => makeExport({ ...ask, ...wanted }),
    [],
    (e) => {
      message.success(t`${count(e.rows)} rows, ${bytes(e.bytes)}`);
      const a = document.createElement('a');
      a.href = e.content_url;
      a.download = e.name;
      a.click();
    },
  );
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        items: [
          {
            key: 'csv',
            label: t`The files, as CSV`,
            onClick: () => make.mutate({ format: 'csv', refused: false }),
          },
          {
            key: 'parquet',
            label: t`The files, as Parquet`,
            onClick: () => make.mutate({ format: 'parquet', refused: false }),
          },
          {
            key: 'refused',
            label: t`With the refused and why, as CSV`,
            onClick: () => make.mutate({ format: 'csv', refused: true }),
          },
          {
            key: 'refused-parquet',
            label: t`With the refused and why, as Parquet`,
            onClick: () => make.mutate({ format: 'parquet', refused: true }),
          },
        ],
      }}
    >
      <Button loading={make.isPending}>
        <Trans>Export</Trans>
      </Button>
    </Dropdown>
  );
}

function Changed({
  title,
  text,
  moved,
  volume,
  color,
}: {
  title: string;
  text: string;
  moved: Schemas['PlanDifference'];
  volume: string;
  color: string;
}) {
  return (
    <Card
      size="small"
      title={`${title}: ${counted(moved.files, 'file')}, ${bytes(moved.bytes)}`}
      style={{ borderTop: `3px solid ${color}` }}
      styles={{ body: { padding: 0 } }}
    >
      <p className="sub nofile">{text}</p>
      {moved.files > 0 && <FilesTable files={moved.sample} volume={volume} half />}
    </Card>
  );
}

function Result({
  plan,
  volume,
  customer,
  folder,
}: {
  plan: Plan;
  volume: string;
  customer?: string;
  folder: (f: Place) => void;
}) {
  const who = useWho();
  const [costs, setCostsOpen] = useState(false);
  const c = plan.cost;
  const charts = plan.charts;
  return (
    <>
      <Tiles
        tiles={[
          { k: t`Files`, v: count(plan.files), s: t`would be moved to the share` },
          { k: t`Data`, v: bytes(plan.bytes), s: t`as long as they are` },
          {
            k: t`Really frees`,
            v: bytes(plan.freed_bytes),
            s:
              plan.bytes > 0
                ? t`${percent(plan.freed_bytes, plan.bytes)} of it, after block rounding and what stubs take`
                : t`after block rounding and what stubs take`,
          },
          c
            ? {
                k: t`Saves a month`,
                v: money(c.saved_month, c.currency),
                s: t`${money(c.primary_month, c.currency)} here, ${money(c.tier_month, c.currency)} on the share`,
              }
            : {
                k: t`Saves a month`,
                v: '–',
                s:
                  who.mayWrite && customer ? (
                    <Button
                      type="link"
                      size="small"
                      style={{ padding: 0, height: 'auto', whiteSpace: 'normal', textAlign: 'start' }}
                      onClick={() => setCostsOpen(true)}
                    >
                      <Trans>Set what storage costs</Trans>
                    </Button>
                  ) : (
                    t`No prices are set`
                  ),
              },
          ...(plan.recalls
            ? [
                {
                  k: plural(plan.recalls.days, {
                    one: `Recalls in ${count(plan.recalls.days)} day`,
                    other: `Recalls in ${count(plan.recalls.days)} days`,
                  }),
                  v: count(plan.recalls.files),
                  s: c?.recalls
                    ? t`${bytes(plan.recalls.bytes)} would have come back had it run then: ${money(c.recalls, c.currency)}`
                    : t`${bytes(plan.recalls.bytes)} would have come back had it run then`,
                },
              ]
            : []),
        ]}
      />
      <PlanSays
        plan={plan}
        volume={volume}
        more={
          c &&
          who.mayWrite &&
          customer && (
            <Button type="link" size="small" className="inline" onClick={() => setCostsOpen(true)}>
              <Trans>Change the prices</Trans>
            </Button>
          )
        }
      />
      {plan.compare && (
        <section aria-label={t`Comparison`}>
          <div className="two">
            <Changed
              title={t`Enter`}
              text={t`This one would move them, the other would not.`}
              moved={plan.compare.enter}
              volume={volume}
              color="#2fa37c"
            />
            <Changed
              title={t`Leave`}
              text={t`The other would move them, this one would not.`}
              moved={plan.compare.leave}
              volume={volume}
              color="#d9822b"
            />
          </div>
          <p className="sub">
            <Trans>
              Moved by both: {counted(plan.compare.stay.files, 'file')}, {bytes(plan.compare.stay.bytes)}.
            </Trans>
          </p>
        </section>
      )}
      {charts && plan.files > 0 && (
        <div className="two">
          <Chart
            title={t`By last access`}
            colors={[TIERED]}
            rows={charts.age.map((b) => ({
              name: ageName(b),
              short: ageShort(b),
              a: b.bytes,
              files: b.files,
            }))}
          />
          <Chart
            title={t`By size of the files`}
            colors={[TIERED]}
            rows={charts.size.map((b) => ({
              name: sizeName(b),
              short: sizeShort(b),
              a: b.bytes,
              files: b.files,
            }))}
          />
          <Card size="small" title={t`By extension`}>
            <GroupBars groups={charts.exts} color={TIERED} none={t`without one`} />
          </Card>
          <Card size="small" title={t`By owner`}>
            <GroupBars groups={charts.owners} color={TIERED} none={t`unknown`} />
          </Card>
        </div>
      )}
      <div className="two">
        {plan.folders.length > 0 && <Folders plan={plan} onOpen={folder} />}
        <Refusals plan={plan} />
      </div>
      {plan.sample.length > 0 && (
        <Card
          size="small"
          title={
            plan.sample.length < plan.files
              ? t`${count(plan.sample.length)} of the ${counted(plan.files, 'file')}`
              : t`The files`
          }
          styles={{ body: { padding: 0 } }}
        >
          <FilesTable files={plan.sample} volume={volume} />
        </Card>
      )}
      {costs && customer && <CostDialog customer={customer} onClose={() => setCostsOpen(false)} />}
    </>
  );
}

/** Rules of the volume; more than the first page are found by going through their room. */
function RulePick({
  volume,
  value,
  onChange,
  label,
  none,
}: {
  volume?: string;
  value?: string;
  onChange: (id: string | undefined) => void;
  label: string;
  none: string;
}) {
  const who = useWho();
  const list = useRules(who.customer, volume);
  const found = list.items.find((r) => r.id === value);
  const one = useQuery({
    queryKey: ['rule', value],
    queryFn: () => must(api.GET('/rules/{id}', { params: { path: { id: value! } } })),
    enabled: !!value && !found && !list.pending,
  });
  const options = volume ? list.items.map((r) => ({ value: r.id, label: r.name })) : [];
  // Never the bare id: it says nothing to anybody.
  if (value && !found) options.unshift({ value, label: one.data?.name ?? '…' });
  return (
    <Select
      aria-label={label}
      allowClear
      showSearch={{ optionFilterProp: 'label' }}
      style={{ minWidth: 200, maxWidth: '100%' }}
      loading={!!volume && list.pending}
      value={value}
      placeholder={none}
      notFoundContent={
        !volume ? t`Choose a volume first` : list.pending ? 'Loading…' : t`This volume has no rule`
      }
      options={options}
      onChange={(id?: string) => onChange(id)}
    />
  );
}

function VersionPick({
  rule,
  value,
  onChange,
  label,
}: {
  rule: string;
  value?: string;
  onChange: (version: string | undefined) => void;
  label: string;
}) {
  const list = useQuery({
    queryKey: ['rule', rule, 'versions'],
    queryFn: () => ruleVersions(rule),
    retry: false,
  });
  const items = list.data?.items ?? [];
  return (
    <Select
      aria-label={label}
      allowClear
      style={{ minWidth: 140 }}
      loading={list.isPending}
      value={value}
      placeholder={t`as it is now`}
      options={[...items]
        .reverse()
        .map((v) => ({ value: String(v.version), label: t`version ${v.version}` }))}
      onChange={(v?: string) => onChange(v)}
    />
  );
}

export default function PlanRoom() {
  const who = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const get = (name: string) => search.get(name) ?? undefined;
  const volume = get('volume');
  const rule = get('rule');
  const where = get('where');
  const version = get('version');
  const against = get('against');
  const againstVersion = get('againstversion');
  const againstWhere = get('againstwhere');
  const asOf = get('now');
  const days = Number(get('days') ?? 90) || 90;
  const volumeIs = useNamed('volumes', volume, who.customer);
  const rules = useRules(who.customer, volume);
  const ruleIs = rules.items.find((r) => r.id === rule);
  const comparing = !!(against || againstWhere);
  const body: PlanAsk = {
    volume_id: volume ?? '',
    // A text beside a rule stands in that rule's place: those before it count as before.
    ...(rule ? { rule_id: rule, version: version ? Number(version) : undefined } : {}),
    where,
    action: rule ? undefined : (get('action') as PlanAsk['action']),
    now: asOf ? `${asOf}T00:00:00Z` : undefined,
    history_days: days,
    compare: against
      ? { rule_id: against, version: againstVersion ? Number(againstVersion) : undefined }
      : againstWhere
        ? { where: againstWhere }
        : undefined,
  };
  const ready = !!volume && !!(rule || where);
  const plan = useQuery({
    queryKey: ['plan', body],
    queryFn: ({ signal }) => makePlan(body, signal),
    enabled: ready,
    staleTime: 60_000,
  });
  const text = where ?? ruleIs?.where;
  const into = (f: Place) => {
    const next = text ? narrow(text, f) : undefined;
    if (next) change({ where: next, version: undefined, from: get('from') ?? (where ? where : 'rule') });
  };
  return (
    <Page
      title={t`Plan`}
      text={t`What a rule would do, and what it would save. Nothing is moved by looking.`}
      actions={
        <>
          {rule && (
            <Button onClick={() => go(`/rules/${rule}`)}>
              <Trans>Open the rule</Trans>
            </Button>
          )}
          {where && who.mayWrite && (
            <Button onClick={() => go('/rules/new', { volume, where })}>
              <Trans>Make it a rule</Trans>
            </Button>
          )}
          {ready && (
            <Export
              ask={{
                volume_id: volume,
                rule_id: rule,
                version: rule && version ? Number(version) : undefined,
                where,
                action: body.action,
                now: asOf ? `${asOf}T00:00:00Z` : undefined,
              }}
            />
          )}
        </>
      }
    >
      <Card size="small" style={{ marginBottom: 16 }}>
        <div className="asks">
          <div className="ask">
            <span className="sub">
              <Trans>Volume</Trans>
            </span>
            <Pick
              noun="volumes"
              customer={who.customer}
              label={t`Volume`}
              placeholder={t`Of which volume?`}
              style={{ minWidth: 180 }}
              value={volume}
              onChange={(v) =>
                change({
                  volume: v,
                  rule: undefined,
                  version: undefined,
                  against: undefined,
                  againstversion: undefined,
                })
              }
            />
          </div>
          <div className="ask">
            <span className="sub">
              <Trans>Rule</Trans>
            </span>
            <div className="bar" style={{ margin: 0 }}>
              <RulePick
                volume={volume}
                value={rule}
                label={t`Rule`}
                none={where ? t`as text` : t`Which rule?`}
                onChange={(id) => change({ rule: id, where: undefined, version: undefined, from: undefined })}
              />
              {rule && (
                <VersionPick
                  rule={rule}
                  value={version}
                  label={t`Version`}
                  onChange={(v) => change({ version: v })}
                />
              )}
            </div>
          </div>
          <div className="ask">
            <span className="sub">
              <Trans>Compared with</Trans>
            </span>
            <div className="bar" style={{ margin: 0 }}>
              <RulePick
                volume={volume}
                value={against}
                label={t`Compared with`}
                none={againstWhere ? t`a text` : t`nothing`}
                onChange={(id) => change({ against: id, againstversion: undefined, againstwhere: undefined })}
              />
              {against && (
                <VersionPick
                  rule={against}
                  value={againstVersion}
                  label={t`Version to compare with`}
                  onChange={(v) => change({ againstversion: v })}
                />
              )}
            </div>
          </div>
          <div className="ask">
            <span className="sub">
              <Trans>As of</Trans>
            </span>
            <Input
              type="date"
              aria-label={t`As of`}
              style={{ width: 160 }}
              value={asOf ?? ''}
              allowClear
              onChange={(e) => change({ now: e.target.value || undefined })}
            />
          </div>
          <div className="ask">
            <span className="sub">
              <Trans>Recalls of the last</Trans>
            </span>
            <InputNumber
              aria-label={t`Days of access that are looked at`}
              min={1}
              max={3650}
              precision={0}
              suffix={t`days`}
              style={{ width: 120 }}
              value={days}
              onChange={(n) => n && change({ days: n === 90 ? undefined : String(n) })}
            />
          </div>
        </div>
        {text && (
          <div style={{ marginTop: 12 }}>
            <code className="mono">{text}</code>
            {get('from') && (
              <div className="sub" style={{ marginTop: 4 }}>
                <Trans>
                  One folder only.{' '}
                  <Button
                    type="link"
                    size="small"
                    className="inline"
                    onClick={() =>
                      change({ where: get('from') === 'rule' ? undefined : get('from'), from: undefined })
                    }
                  >
                    Back to all folders
                  </Button>
                </Trans>
              </div>
            )}
          </div>
        )}
        {asOf && (
          <div className="sub" style={{ marginTop: 8 }}>
            <Trans>
              Ages are counted at <When at={`${asOf}T00:00:00Z`} full />; the files are those known now.
            </Trans>
          </div>
        )}
      </Card>
      {!ready ? (
        <Card>
          <Nothing
            icon={<FundProjectionScreenOutlined />}
            title={volume ? t`Choose a rule` : t`Choose a volume and a rule`}
            text={t`The plan tells how many files it would move, what that frees and saves, and why others stay.`}
            action={
              who.mayWrite && (
                <Button type="primary" onClick={() => go('/rules/new', { volume })}>
                  <Trans>Write a rule</Trans>
                </Button>
              )
            }
            command="alto rule preview RULE"
          />
        </Card>
      ) : plan.error && !plan.data ? (
        <Failed error={plan.error} retry={() => void plan.refetch()} />
      ) : !plan.data ? (
        <Card aria-busy="true" role="status" aria-label={t`Working out the plan`}>
          <Skeleton active paragraph={{ rows: 8 }} />
        </Card>
      ) : (
        <section aria-label={t`Plan`} aria-busy={plan.isFetching || undefined}>
          <Result
            key={comparing ? 'c' : 'p'}
            plan={plan.data}
            volume={volume}
            customer={volumeIs?.customer_id ?? who.customer}
            folder={into}
          />
        </section>
      )}
    </Page>
  );
}
