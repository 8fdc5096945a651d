import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { Alert, App, Button, Card, Form, Input, InputNumber, Select, Skeleton, Switch, Table } from 'antd';
import { useEffect, useState } from 'react';
import { useParams } from 'react-router';
import { api, ifMatch, must, type Rule, type Schemas } from '../api/client';
import { useNamed } from '../api/data';
import { bytes, count, duration, percent, words } from '../lib/format';
import { keyOf } from '../lib/path';
import { explain } from '../lib/reasons';
import { mark } from '../lib/ruletext';
import { useAddress, useGo, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Bars, ConfirmName, Failed, Page, Size, State, TIERED, WARN, When } from '../ui/parts';
import { Pick } from '../ui/pick';

export function RuleText({
  value = '',
  onChange,
  error,
  disabled,
  id,
}: {
  id?: string;
  value?: string;
  onChange?: (text: string) => void;
  error?: Schemas['RuleError'] | null;
  disabled?: boolean;
}) {
  const parts = error ? mark(value, error.at, error.length) : undefined;
  return (
    <>
      <div className="code">
        <pre aria-hidden="true">
          {parts ? (
            <>
              {parts.before}
              <mark>{parts.wrong}</mark>
              {parts.after}
            </>
          ) : (
            value
          )}
          {'\n'}
        </pre>
        <textarea
          id={id}
          aria-label="Which files"
          aria-invalid={!!error}
          aria-describedby="rule-error"
          spellCheck={false}
          disabled={disabled}
          value={value}
          onChange={(e) => onChange?.(e.target.value)}
        />
      </div>
      <div id="rule-error" aria-live="polite">
        {error && (
          <Alert
            type="error"
            style={{ marginTop: 8 }}
            title={error.message}
            description={
              <>
                {parts && parts.wrong.trim() && (
                  <>
                    at <code className="mono">{parts.wrong}</code>;{' '}
                  </>
                )}
                {error.expected && (
                  <>
                    expected: <b>{error.expected}</b>
                  </>
                )}
              </>
            }
          />
        )}
      </div>
    </>
  );
}

export function PlanPanel({ plan }: { plan: Schemas['Plan'] }) {
  return (
    <>
      <div className="tiles">
        {(
          [
            ['Files', count(plan.files)],
            ['Data', bytes(plan.bytes)],
            ['Frees', bytes(plan.freed_bytes)],
          ] as const
        ).map(([k, v]) => (
          <Card key={k} className="tile" size="small">
            <div className="k">{k}</div>
            <div className="v">{v}</div>
          </Card>
        ))}
      </div>
      <p className="sub">
        As of the scan <When at={plan.as_of_at} />, worked out in{' '}
        {plan.took_ms < 1000 ? `${Math.max(1, Math.round(plan.took_ms))} ms` : duration(plan.took_ms)}. Every
        file is looked at again before it is moved.
      </p>
      {plan.files === 0 && (
        <Alert
          type="info"
          showIcon
          title="No file would be touched"
          description="Nothing matches, or what matches is refused or decided by a rule before."
          style={{ marginBottom: 16 }}
        />
      )}
      <div className="two">
        {plan.folders.length > 0 && (
          <Card size="small" title="Top folders">
            <Bars
              color={TIERED}
              rows={plan.folders.slice(0, 10).map((f) => ({
                key: f.path_b64 ?? f.path,
                name: <span className="mono">{f.path}</span>,
                value: f.bytes,
                text: `${bytes(f.bytes)} · ${count(f.files)}`,
              }))}
            />
          </Card>
        )}
        <Card size="small" title="Left where they are">
          {plan.refusals.length ? (
            <Bars
              color={WARN}
              rows={plan.refusals.map((r) => ({
                key: r.reason,
                name: (
                  <>
                    {words(r.reason)}
                    {explain(r.reason) && <div className="sub">{explain(r.reason)}</div>}
                  </>
                ),
                value: r.files,
                text: `${count(r.files)} · ${bytes(r.bytes)}`,
              }))}
            />
          ) : (
            <span className="sub">None of the matching files is refused.</span>
          )}
        </Card>
      </div>
      {plan.sample.length > 0 && (
        <Card
          size="small"
          title={plan.sample.length < plan.files ? `${count(plan.sample.length)} of them` : 'These'}
          styles={{ body: { padding: 0 } }}
        >
          <Table
            size="small"
            rowKey={keyOf}
            dataSource={plan.sample}
            pagination={{ pageSize: 10, hideOnSinglePage: true, showSizeChanger: false }}
            scroll={{ x: 'max-content' }}
            columns={[
              { title: 'Path', fixed: true, render: (_, f) => <span className="mono">{f.path}</span> },
              { title: 'Size', align: 'right', render: (_, f) => <Size n={f.size} /> },
              { title: 'Modified', render: (_, f) => <When at={f.mtime_at} /> },
              { title: 'State', render: (_, f) => <State of={f.state} /> },
            ]}
          />
        </Card>
      )}
    </>
  );
}

const START = 'size >= 10MB and modified older than 90d';

function Editor({ rule }: { rule?: Rule }) {
  const who = useWho();
  const go = useGo();
  const { modal, message } = App.useApp();
  const [search] = useAddress();
  const [form] = Form.useForm<Schemas['RuleNew']>();
  const first = {
    volume_id: search.get('volume') ?? undefined,
    where: START,
    action: 'tier' as const,
    enabled: true,
    ...rule,
  };
  const where = Form.useWatch('where', form) ?? first.where;
  const volume = Form.useWatch('volume_id', form) ?? first.volume_id;
  const chosen = useNamed('volumes', volume, who.customer);
  const action = Form.useWatch('action', form) ?? first.action;
  const [settled, setSettled] = useState(where);
  const [gone, setGone] = useState(false);
  useEffect(() => {
    const wait = setTimeout(() => setSettled(where), 300);
    return () => clearTimeout(wait);
  }, [where]);
  const check = useQuery({
    queryKey: ['check', settled],
    queryFn: () => must(api.POST('/rules/check', { body: { where: settled } })),
    enabled: settled.trim() !== '',
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });
  const error = settled === where && !check.isPlaceholderData ? check.data?.error : undefined;
  const preview = useMutation({
    mutationFn: () =>
      must(
        rule && where === rule.where && action === rule.action
          ? api.POST('/rules/{id}/preview', { params: { path: { id: rule.id } }, body: {} })
          : api.POST('/rules/preview', { body: { volume_id: volume!, where, action } }),
      ),
  });
  const save = useAct(
    async (v: Schemas['RuleNew']) => {
      if (!rule) return must(api.POST('/rules', { body: v }));
      const body: Schemas['RuleChange'] = {
        name: v.name,
        where: v.where,
        action: v.action,
        share_id: v.share_id ?? null,
        enabled: v.enabled,
      };
      return must(
        api.PATCH('/rules/{id}', {
          params: { path: { id: rule.id }, header: ifMatch(rule) },
          body: { ...body, limit_files: v.limit_files ?? null, limit_bytes: v.limit_bytes ?? null },
        }),
      );
    },
    ['rules', 'rule'],
    (saved) => {
      message.success('Saved');
      if (!rule) go(`/rules/${saved.id}`);
    },
    true,
  );
  const run = useAct(
    (id: string) => must(api.POST('/rules/{id}/run', { params: { path: { id } } })),
    ['jobs'],
    (job) => go(`/jobs/${job.id}`),
  );
  const remove = useAct(
    (r: Rule) => must(api.DELETE('/rules/{id}', { params: { path: { id: r.id }, header: ifMatch(r) } })),
    ['rules'],
    () => go('/rules'),
    true,
  );
  const dirty = !rule || where !== rule.where || action !== rule.action;
  const ask = () =>
    modal.confirm({
      title: `Run “${rule!.name}” now?`,
      okText: 'Run',
      onOk: () => run.mutateAsync(rule!.id).catch(() => undefined),
      content: preview.data
        ? `By the preview it moves ${count(preview.data.files)} files, ${bytes(preview.data.bytes)} (${percent(preview.data.freed_bytes, preview.data.bytes)} of it freed).`
        : 'You have not looked at the preview. It tells which files are meant, without doing anything.',
    });
  return (
    <Page
      title={rule ? rule.name : 'New rule'}
      text="Which files are meant, and what is done with them."
      actions={
        <>
          <Button onClick={() => go('/rules')}>All rules</Button>
          {rule && who.mayWrite && (
            <>
              <Button
                danger
                onClick={() => {
                  remove.reset();
                  setGone(true);
                }}
              >
                Delete
              </Button>
              <Button
                type="primary"
                ghost
                disabled={dirty || !rule.enabled}
                title={dirty ? 'Save first' : undefined}
                onClick={ask}
              >
                Run now
              </Button>
            </>
          )}
        </>
      }
    >
      <Card style={{ marginBottom: 16 }}>
        {save.error && <Failed error={save.error} />}
        <Form
          form={form}
          layout="vertical"
          initialValues={first}
          disabled={!who.mayWrite}
          onFinish={(v) => save.mutate(v)}
        >
          <Form.Item
            label="Which files"
            name="where"
            rules={[{ required: true, message: 'Say which files; "true" means all' }]}
            extra={
              check.data?.ok && settled === where ? (
                <>
                  Understood as <code className="mono">{check.data.canonical}</code>
                </>
              ) : (
                'Such as: size >= 10MB and accessed older than 90d and ext in (mov, mxf) and not path matches "/Active/**"'
              )
            }
          >
            <RuleText error={error} disabled={!who.mayWrite} />
          </Form.Item>
          <div className="fields">
            <Form.Item name="name" label="Name" rules={[{ required: true, whitespace: true, max: 128 }]}>
              <Input placeholder="Untouched for 90 days" />
            </Form.Item>
            <Form.Item name="volume_id" label="Volume" rules={[{ required: true }]}>
              <Pick
                noun="volumes"
                customer={who.customer}
                disabled={!!rule || !who.mayWrite}
                placeholder="Of which volume?"
              />
            </Form.Item>
            <Form.Item name="action" label="Does">
              <Select
                options={[
                  { value: 'tier', label: 'Tier: move to the share' },
                  { value: 'recall', label: 'Recall: bring back' },
                  { value: 'pin', label: 'Pin: keep local' },
                  { value: 'exclude', label: 'Exclude: leave alone' },
                ]}
              />
            </Form.Item>
            <Form.Item name="share_id" label="Share">
              <Pick
                noun="shares"
                customer={rule?.customer_id ?? chosen?.customer_id ?? who.customer}
                allowClear
                disabled={!who.mayWrite}
                placeholder="The volume's"
              />
            </Form.Item>
            <Form.Item name="limit_files" label="At most, files a run">
              <InputNumber min={1} precision={0} style={{ width: '100%' }} placeholder="no limit" />
            </Form.Item>
            <Form.Item name="limit_bytes" label="At most, bytes a run">
              <InputNumber min={1} precision={0} style={{ width: '100%' }} placeholder="no limit" />
            </Form.Item>
            <Form.Item name="enabled" label="On" valuePropName="checked">
              <Switch />
            </Form.Item>
          </div>
        </Form>
        <div className="bar" style={{ marginBottom: 0 }}>
          {who.mayWrite && (
            <Button type="primary" loading={save.isPending} disabled={!!error} onClick={() => form.submit()}>
              {rule ? 'Save' : 'Add rule'}
            </Button>
          )}
          <Button
            loading={preview.isPending}
            disabled={!volume || !!error || !where.trim()}
            onClick={() => preview.mutate()}
          >
            Preview
          </Button>
          <span className="sub">The preview changes nothing.</span>
        </div>
      </Card>
      {preview.error && <Failed error={preview.error} retry={() => preview.mutate()} />}
      {preview.isPending && (
        <Card>
          <Skeleton active />
        </Card>
      )}
      {preview.data && !preview.isPending && (
        <section aria-label="Preview">
          <PlanPanel plan={preview.data} />
        </section>
      )}
      {rule && (
        <ConfirmName
          open={gone}
          name={rule.name}
          what="rule"
          text="Files it moved stay where they are."
          busy={remove.isPending}
          error={remove.error}
          onOk={() => remove.mutate(rule)}
          onClose={() => setGone(false)}
        />
      )}
    </Page>
  );
}

export default function RuleEdit() {
  const { id = 'new' } = useParams();
  const rule = useQuery({
    queryKey: ['rule', id],
    queryFn: () => must(api.GET('/rules/{id}', { params: { path: { id } } })),
    enabled: id !== 'new',
  });
  if (id === 'new') return <Editor key="new" />;
  if (rule.error && !rule.data)
    return (
      <Page title="Rule">
        <Failed error={rule.error} retry={() => void rule.refetch()} />
      </Page>
    );
  if (!rule.data)
    return (
      <Page title="Rule">
        <Card>
          <Skeleton active />
        </Card>
      </Page>
    );
  return <Editor key={id} rule={rule.data} />;
}
