import { late } from '../lib/lang';
import { words } from '../lib/words';
import { t } from '@lingui/core/macro';
import { Plural, Trans } from '@lingui/react/macro';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { Alert, App, Button, Card, Form, Input, InputNumber, Select, Skeleton, Switch, Tabs } from 'antd';
import { Suspense, useEffect, useMemo, useState } from 'react';
import { useParams } from 'react-router';
import { api, ApiFailure, ifMatch, must, type Rule, type Schemas } from '../api/client';
import { cloneRule, countPlan, resumeRule, ruleTemplates, type Template } from '../api/calls';
import { useNamed } from '../api/data';
import { counted } from '../lib/counted';
import { bytes, count, ownZone, percent } from '../lib/format';
import { parseRule } from '../lib/rulelang';
import { useAddress, useGo, useWho } from '../lib/session';
import { SPANS_MAX } from '../lib/week';
import { useAct } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { Coming, ConfirmName, Failed, Nothing, Page, To, When } from '../ui/parts';
import { Pick, useSettled } from '../ui/pick';
import { PlanPanel } from '../ui/planview';
import { RuleText } from '../ui/ruletext';
import { ScheduleEditor } from '../ui/schedule';
import { SizeField, WHOLE } from '../ui/unit';
import { Versions } from '../ui/versions';
import { Way } from '../ui/way';
import { WindowsEditor } from '../ui/week';

const Builder = late(() => import('../ui/builder'));

/** What of a rule its editor changes. */
type RuleBody = Schemas['RuleNew'];

const START = 'size >= 10MB and modified older than 90d';
const MORE = [
  'schedule',
  'windows',
  'limit_minutes',
  'limit_error_percent',
  'start_used_percent',
  'stop_used_percent',
] as const;

/** Builder and text of the same rule side by side: what is done to one is done to the other. */
function Both({
  value = '',
  onChange,
  error,
  disabled,
  id,
  below,
}: {
  id?: string;
  value?: string;
  onChange?: (text: string) => void;
  error?: Schemas['RuleError'] | null;
  disabled?: boolean;
  below: React.ReactNode;
}) {
  return (
    <div className="both">
      <section aria-label={t`Conditions`}>
        <Suspense fallback={<Skeleton active title={false} paragraph={{ rows: 4 }} />}>
          <Builder text={value} onText={(t) => onChange?.(t)} disabled={disabled} />
        </Suspense>
      </section>
      <section aria-label={t`The rule as text`}>
        <div className="sub" style={{ marginBottom: 4 }}>
          <Trans>The same as text</Trans>
        </div>
        <RuleText id={id} value={value} onChange={onChange} error={error} disabled={disabled} />
        {below}
      </section>
    </div>
  );
}

/** How many files match, while one types. */
function Count({ volume, where, ok }: { volume?: string; where: string; ok: boolean }) {
  const settled = useSettled(where, 250);
  const number = useQuery({
    queryKey: ['count', volume, settled],
    queryFn: ({ signal }) => countPlan({ volume_id: volume!, where: settled }, signal),
    enabled: !!volume && ok && settled === where,
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 30_000,
  });
  if (!volume)
    return (
      <span className="sub">
        <Trans>Choose a volume to see how many files match.</Trans>
      </span>
    );
  if (!ok)
    return (
      <span className="sub">
        <Trans>Counted again when the mistake is mended.</Trans>
      </span>
    );
  if (number.error && !(number.error instanceof ApiFailure && number.error.status === 404))
    return (
      <span className="sub wrong">
        <Trans>Not counted: {number.error.message}</Trans>
      </span>
    );
  if (!number.data)
    return (
      <span className="sub">
        <Trans>Counting…</Trans>
      </span>
    );
  const files = `${number.data.exact ? '' : '≈ '}${count(number.data.files)}`;
  const old = number.isPlaceholderData || settled !== where;
  return (
    <span className={old ? 'count old' : 'count'} aria-busy={old || undefined}>
      <Trans>
        <b className="num">{files}</b>{' '}
        <Plural value={number.data.files} one="file matches" other="files match" />,{' '}
        <b className="num">{bytes(number.data.bytes)}</b>
      </Trans>
    </span>
  );
}

function Templates({ onPick, onClose }: { onPick: (t: Template) => void; onClose: () => void }) {
  const list = useQuery({ queryKey: ['templates'], queryFn: ruleTemplates, staleTime: Infinity });
  return (
    <Dialog open title={t`Start from a template`} footer={null} width={640} onCancel={onClose}>
      {list.error ? (
        <Failed error={list.error} retry={() => void list.refetch()} />
      ) : !list.data ? (
        <Skeleton active />
      ) : list.data.items.length === 0 ? (
        <Nothing title={t`No template`} text={t`This server has none.`} />
      ) : (
        <ul className="templates">
          {list.data.items.map((t) => (
            <li key={t.id}>
              <Button type="text" block onClick={() => onPick(t)}>
                <b>{t.name}</b>
                <span className="sub">{t.text}</span>
                <code className="mono">{t.where}</code>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}

function Clone({ rule, onClose }: { rule: Rule; onClose: () => void }) {
  const who = useWho();
  const go = useGo();
  const [form] = Form.useForm<{ name: string; volume_id: string }>();
  const act = useAct(
    (v: { name: string; volume_id: string }) => cloneRule(rule.id, v),
    ['rules'],
    (made) => {
      onClose();
      go(`/rules/${made.id}`);
    },
    true,
  );
  return (
    <Dialog
      open
      title={t`Clone “${rule.name}”`}
      okText={t`Clone`}
      confirmLoading={act.isPending}
      onOk={() => form.submit()}
      onCancel={onClose}
    >
      {act.error && <Failed error={act.error} />}
      <Form
        form={form}
        layout="vertical"
        initialValues={{ name: t`${rule.name} (copy)`.slice(0, 128), volume_id: rule.volume_id }}
        onFinish={(v) => act.mutate(v)}
      >
        <Form.Item
          name="name"
          label={t`Name of the copy`}
          rules={[{ required: true, whitespace: true, max: 128 }]}
        >
          <Input autoComplete="off" />
        </Form.Item>
        <Form.Item name="volume_id" label={t`For volume`} rules={[{ required: true }]}>
          <Pick noun="volumes" customer={who.customer} />
        </Form.Item>
        <p className="sub">
          <Trans>The copy is switched off until somebody switches it on.</Trans>
        </p>
      </Form>
    </Dialog>
  );
}

/** Members that were changed; a server that does not know one is not told of it for nothing. */
function changes(v: RuleBody, rule?: Rule): Record<string, unknown> {
  const body: Record<string, unknown> = { ...v, share_id: v.share_id ?? null };
  for (const key of ['limit_files', 'limit_bytes'] as const) body[key] = v[key] ?? null;
  for (const key of MORE) {
    const next = v[key] ?? null;
    const old = rule?.[key] ?? null;
    if (JSON.stringify(next) === JSON.stringify(old)) delete body[key];
    else body[key] = next;
  }
  if (rule) delete body.volume_id;
  return body;
}

function Editor({ rule }: { rule?: Rule }) {
  const who = useWho();
  const go = useGo();
  const { modal, message } = App.useApp();
  const [search] = useAddress();
  const [form] = Form.useForm<RuleBody>();
  const first = {
    volume_id: search.get('volume') ?? undefined,
    where: search.get('where') ?? START,
    action: 'tier' as const,
    enabled: true,
    ...rule,
  };
  const where = Form.useWatch('where', form) ?? first.where;
  const volume = Form.useWatch('volume_id', form) ?? first.volume_id;
  const chosen = useNamed('volumes', volume, who.customer);
  const action = Form.useWatch('action', form) ?? first.action;
  const windows = Form.useWatch('windows', form);
  const schedule = Form.useWatch('schedule', form);
  const settled = useSettled(where, 300);
  const archives = chosen?.way?.kind === 'archive';
  useEffect(() => {
    // What the volume cannot do is not offered as the first choice; who chooses it all the same is told.
    if (!rule && archives && !form.isFieldTouched('action') && form.getFieldValue('action') === 'tier')
      form.setFieldsValue({ action: 'archive' });
  }, [rule, archives, form]);
  const [open, setOpen] = useState<'delete' | 'clone' | 'templates'>();
  // Here at once; the server's word, which knows regular expressions too, follows.
  const parsed = useMemo(() => parseRule(where), [where]);
  const check = useQuery({
    queryKey: ['check', settled],
    queryFn: () => must(api.POST('/rules/check', { body: { where: settled } })),
    enabled: settled.trim() !== '',
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });
  const checked = settled === where && !check.isPlaceholderData ? check.data : undefined;
  // Where both find the same mistake it is told in the reader's language.
  const ours = parsed.ok ? undefined : parsed.error;
  const theirs = checked?.error;
  const same = !!ours && !!theirs && ours.at === theirs.at && ours.length === theirs.length;
  const error = where.trim() === '' ? undefined : same ? ours : (theirs ?? (checked?.ok ? undefined : ours));
  const preview = useMutation({
    mutationFn: () =>
      must(
        rule && where === rule.where && action === rule.action
          ? api.POST('/rules/{id}/preview', { params: { path: { id: rule.id } }, body: {} })
          : api.POST('/rules/preview', { body: { volume_id: volume!, where, action } }),
      ),
  });
  const save = useAct(
    async (v: RuleBody): Promise<Rule> => {
      const body = changes(v, rule);
      return rule
        ? must(
            api.PATCH('/rules/{id}', {
              params: { path: { id: rule.id }, header: ifMatch(rule) },
              body: body as Schemas['RuleChange'],
            }),
          )
        : must(api.POST('/rules', { body: body as Schemas['RuleNew'] }));
    },
    ['rules', 'rule'],
    (saved) => {
      message.success(t`Saved`);
      if (!rule) go(`/rules/${saved.id}`);
    },
    true,
  );
  const run = useAct(
    (id: string) => must(api.POST('/rules/{id}/run', { params: { path: { id } } })),
    ['jobs'],
    (job) => go(`/jobs/${job.id}`),
  );
  const resume = useAct((id: string) => resumeRule(id), ['rules', 'rule']);
  const remove = useAct(
    (r: Rule) => must(api.DELETE('/rules/{id}', { params: { path: { id: r.id }, header: ifMatch(r) } })),
    ['rules'],
    () => go('/rules'),
    true,
  );
  const dirty = !rule || where !== rule.where || action !== rule.action;
  const ask = () =>
    modal.confirm({
      title: t`Run “${rule!.name}” now?`,
      okText: t`Run`,
      onOk: () => run.mutateAsync(rule!.id).catch(() => undefined),
      content: preview.data
        ? t`By the preview it moves ${counted(preview.data.files, 'file')}, ${bytes(preview.data.bytes)} (${percent(preview.data.freed_bytes, preview.data.bytes)} of it freed).`
        : t`You have not looked at the preview. It tells which files are meant, without doing anything.`,
    });
  const pick = (t: Template) => {
    form.setFieldsValue({
      name: form.getFieldValue('name') || t.name,
      where: t.where,
      action: t.action,
      // Its zone is none: it is to be one's own.
      schedule: t.schedule ? { ...t.schedule, zone: ownZone() } : null,
      ...(t.limits ?? {}),
    });
    setOpen(undefined);
  };
  const toPlan = () =>
    rule && !dirty
      ? go('/plan', { volume, rule: rule.id })
      : go('/plan', { volume, where, action: action === 'tier' ? undefined : action });
  const editor = (
    <>
      {rule?.suspended && (
        <Alert
          type="warning"
          showIcon
          style={{ marginBottom: 16 }}
          title={t`This rule is suspended`}
          description={
            <>
              <Trans>
                {rule.suspended.text || words(rule.suspended.reason)}, since <When at={rule.suspended.at} />.
                It does not run until somebody resumes it.
              </Trans>
            </>
          }
          action={
            who.mayWrite && (
              <Button size="small" loading={resume.isPending} onClick={() => resume.mutate(rule.id)}>
                <Trans>Resume</Trans>
              </Button>
            )
          }
        />
      )}
      {save.error && <Failed error={save.error} />}
      <Form
        form={form}
        layout="vertical"
        initialValues={first}
        disabled={!who.mayWrite}
        onFinish={(v) => save.mutate(v)}
        onFinishFailed={({ errorFields }) => form.scrollToField(errorFields[0]!.name, { focus: true })}
      >
        <Card style={{ marginBottom: 16 }}>
          <Form.Item
            label={t`Which files`}
            name="where"
            rules={[{ required: true, message: t`Say which files; "true" means all` }]}
            style={{ marginBottom: 0 }}
          >
            <Both
              error={error}
              disabled={!who.mayWrite}
              below={
                <div className="told">
                  <div role="status">
                    <Count volume={volume} where={where} ok={!error && where.trim() !== ''} />
                  </div>
                  <div className="sub">
                    {checked?.ok ? (
                      <>
                        <Trans>
                          Understood as <code className="mono">{checked.canonical}</code>
                        </Trans>
                      </>
                    ) : (
                      t`Such as: size >= 10MB and accessed older than 90d and ext in (mov, mxf) and not path matches "/Active/**"`
                    )}
                  </div>
                </div>
              }
            />
          </Form.Item>
        </Card>
        <Card style={{ marginBottom: 16 }}>
          <div className="fields">
            <Form.Item name="name" label={t`Name`} rules={[{ required: true, whitespace: true, max: 128 }]}>
              <Input placeholder={t`Untouched for 90 days`} />
            </Form.Item>
            <Form.Item name="volume_id" label={t`Volume`} rules={[{ required: true }]}>
              <Pick
                noun="volumes"
                customer={who.customer}
                disabled={!!rule || !who.mayWrite}
                placeholder={t`Of which volume?`}
              />
            </Form.Item>
            <Form.Item name="action" label={t`Does`}>
              <Select
                options={[
                  { value: 'tier', label: t`Tier: move to the share` },
                  { value: 'archive', label: t`Archive: move to the share, leave a readable placeholder` },
                  { value: 'recall', label: t`Recall: bring back` },
                  { value: 'pin', label: t`Pin: keep local` },
                  { value: 'exclude', label: t`Exclude: leave alone` },
                ]}
              />
            </Form.Item>
            <Form.Item name="share_id" label={t`Share`}>
              <Pick
                noun="shares"
                customer={rule?.customer_id ?? chosen?.customer_id ?? who.customer}
                allowClear
                disabled={!who.mayWrite}
                placeholder={t`The volume's`}
              />
            </Form.Item>
            <Form.Item name="enabled" label={t`On`} valuePropName="checked">
              <Switch />
            </Form.Item>
          </div>
          {chosen?.way && (
            <Way
              of={chosen.way}
              action={action}
              onChoose={who.mayWrite ? (to) => form.setFieldsValue({ action: to }) : undefined}
            />
          )}
        </Card>
        {(action === 'tier' || action === 'archive' || action === 'recall') && (
          <>
            <div className="two">
              <Card size="small" title={t`When it runs`}>
                <Form.Item name="schedule" noStyle>
                  <ScheduleEditor windows={windows} disabled={!who.mayWrite} />
                </Form.Item>
                {rule?.next_run_at && (
                  <p className="sub">
                    <Trans>
                      As it is saved, it runs next <When at={rule.next_run_at} />.
                    </Trans>
                  </p>
                )}
              </Card>
              <Card size="small" title={t`When it may work`}>
                <Form.Item
                  name="windows"
                  noStyle
                  rules={[
                    {
                      validator: (_, w: Rule['windows']) =>
                        w && (w.spans.length === 0 || w.spans.length > SPANS_MAX)
                          ? Promise.reject(new Error(t`These windows cannot be kept`))
                          : Promise.resolve(),
                    },
                  ]}
                >
                  <WindowsEditor zone={schedule?.zone ?? ownZone()} disabled={!who.mayWrite} />
                </Form.Item>
              </Card>
            </div>
            <Card size="small" title={t`How much at most, and when it stops`} style={{ marginBottom: 16 }}>
              <div className="fields three">
                <Form.Item name="limit_files" label={t`At most, files a run`}>
                  <InputNumber<number>
                    {...WHOLE}
                    min={1}
                    style={{ width: '100%' }}
                    placeholder={t`no limit`}
                  />
                </Form.Item>
                <Form.Item name="limit_bytes" label={t`At most, data a run`}>
                  <SizeField
                    what={[t`Data a run`, t`Unit of the data a run`]}
                    placeholder={t`no limit`}
                    disabled={!who.mayWrite}
                  />
                </Form.Item>
                <Form.Item
                  name="limit_minutes"
                  label={t`At most, minutes a run`}
                  extra={t`Pauses are not counted.`}
                >
                  <InputNumber<number>
                    {...WHOLE}
                    min={1}
                    style={{ width: '100%' }}
                    placeholder={t`no limit`}
                  />
                </Form.Item>
                <Form.Item
                  name="limit_error_percent"
                  label={t`Suspended at errors of`}
                  extra={t`Of those moved, from 100 files on.`}
                >
                  <InputNumber
                    min={1}
                    max={100}
                    precision={0}
                    suffix="%"
                    style={{ width: '100%' }}
                    placeholder={t`never`}
                  />
                </Form.Item>
                {(action === 'tier' || action === 'archive') && (
                  <>
                    <Form.Item
                      name="start_used_percent"
                      label={t`Starts when used is above`}
                      extra={t`Of the volume's capacity; without a schedule this alone starts it.`}
                    >
                      <InputNumber
                        min={1}
                        max={99}
                        precision={0}
                        suffix="%"
                        style={{ width: '100%' }}
                        placeholder={t`not looked at`}
                      />
                    </Form.Item>
                    <Form.Item
                      name="stop_used_percent"
                      label={t`Stops when used is below`}
                      dependencies={['start_used_percent']}
                      rules={[
                        ({ getFieldValue }) => ({
                          validator: (_, stop: number | null | undefined) => {
                            const start = getFieldValue('start_used_percent') as number | null | undefined;
                            if (!!stop !== !!start)
                              return Promise.reject(new Error(t`Set both marks, or none`));
                            return stop && start && stop >= start
                              ? Promise.reject(new Error(t`Below the mark at which it starts`))
                              : Promise.resolve();
                          },
                        }),
                      ]}
                    >
                      <InputNumber
                        min={1}
                        max={99}
                        precision={0}
                        suffix="%"
                        style={{ width: '100%' }}
                        placeholder={t`not looked at`}
                      />
                    </Form.Item>
                  </>
                )}
              </div>
            </Card>
          </>
        )}
      </Form>
      <div className="bar stay">
        {who.mayWrite && (
          <Button type="primary" loading={save.isPending} disabled={!!error} onClick={() => form.submit()}>
            {rule ? t`Save` : t`Add rule`}
          </Button>
        )}
        <Button
          loading={preview.isPending}
          disabled={!volume || !!error || !where.trim()}
          onClick={() => preview.mutate()}
        >
          <Trans>Preview</Trans>
        </Button>
        <Button disabled={!volume || !!error || !where.trim()} onClick={toPlan}>
          <Trans>Open the plan</Trans>
        </Button>
        <span className="sub">
          <Trans>Neither changes anything.</Trans>
        </span>
      </div>
      {preview.error && <Failed error={preview.error} retry={() => preview.mutate()} />}
      {preview.isPending && (
        <Card>
          <Skeleton active />
        </Card>
      )}
      {preview.data && !preview.isPending && (
        <section aria-label={t`Preview`}>
          <PlanPanel plan={preview.data} volume={volume} />
        </section>
      )}
    </>
  );
  return (
    <Page
      title={rule ? rule.name : t`New rule`}
      text={t`Which files are meant, and what is done with them.`}
      actions={
        <>
          <Button onClick={() => go('/rules', { volume: rule?.volume_id })}>
            <Trans>All rules</Trans>
          </Button>
          {!rule && who.mayWrite && (
            <Button onClick={() => setOpen('templates')}>
              <Trans>Start from a template</Trans>
            </Button>
          )}
          {rule && who.mayWrite && (
            <>
              <Button onClick={() => setOpen('clone')}>
                <Trans>Clone</Trans>
              </Button>
              <Button
                danger
                onClick={() => {
                  remove.reset();
                  setOpen('delete');
                }}
              >
                <Trans>Delete</Trans>
              </Button>
              <Button
                type="primary"
                ghost
                disabled={dirty || !rule.enabled}
                title={dirty ? t`Save first` : undefined}
                onClick={ask}
              >
                <Trans>Run now</Trans>
              </Button>
            </>
          )}
        </>
      }
    >
      {rule ? <Rooms rule={rule} editor={editor} /> : editor}
      {open === 'templates' && <Templates onPick={pick} onClose={() => setOpen(undefined)} />}
      {rule && open === 'clone' && <Clone rule={rule} onClose={() => setOpen(undefined)} />}
      {rule && (
        <ConfirmName
          open={open === 'delete'}
          name={rule.name}
          what="rule"
          text={t`Files it moved stay where they are.`}
          busy={remove.isPending}
          error={remove.error}
          onOk={() => remove.mutate(rule)}
          onClose={() => setOpen(undefined)}
        />
      )}
    </Page>
  );
}

function Rooms({ rule, editor }: { rule: Rule; editor: React.ReactNode }) {
  const [search, change] = useAddress();
  const tab = search.get('tab') === 'versions' ? 'versions' : 'rule';
  return (
    <Tabs
      activeKey={tab}
      onChange={(key) => change({ tab: key === 'rule' ? undefined : key, a: undefined, b: undefined })}
      items={[
        { key: 'rule', label: t`Rule`, children: editor, forceRender: true },
        {
          key: 'versions',
          label: t`Versions (${rule.version})`,
          children: tab === 'versions' && <Versions rule={rule} />,
        },
      ]}
    />
  );
}

export default function RuleEdit() {
  const { id = 'new' } = useParams();
  const who = useWho();
  const rule = useQuery({
    queryKey: ['rule', id],
    queryFn: () => must(api.GET('/rules/{id}', { params: { path: { id } } })),
    enabled: id !== 'new',
  });
  if (id === 'new' && !who.mayWrite)
    return (
      <Page
        title={t`New rule`}
        actions={
          <To path="/rules">
            <Trans>All rules</Trans>
          </To>
        }
      >
        <Alert
          type="info"
          showIcon
          title={t`Only an administrator writes rules`}
          description={t`You may look at each rule, its versions and its plan.`}
        />
      </Page>
    );
  if (id === 'new') return <Editor key="new" />;
  if (!rule.data)
    return <Coming title={t`Rule`} what="rule" of={rule} list={{ path: '/rules', name: t`All rules` }} />;
  return <Editor key={id} rule={rule.data} />;
}
