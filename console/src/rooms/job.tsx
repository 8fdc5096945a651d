import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { useQuery } from '@tanstack/react-query';
import { Alert, App, Button, Card, Descriptions, Select, Table } from 'antd';
import { useParams } from 'react-router';
import { pauseJob, resumeJob } from '../api/calls';
import { api, type Job, must, type Schemas } from '../api/client';
import { ended, useJob, useList } from '../api/data';
import { counted } from '../lib/counted';
import { bytes, count, duration, percent } from '../lib/format';
import { done, words } from '../lib/words';
import { visible } from '../lib/path';
import { explain, reasonName } from '../lib/reasons';
import { useAddress, useGo, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Coming, JobBar, Nothing, Page, Size, State, To, When } from '../ui/parts';
import { NameOf } from '../ui/pick';
import { DataTable } from '../ui/table';

/** What a job came to, in the numbers of its kind. */
function figures(j: Job) {
  const r = j.reconcile;
  return r
    ? [
        { key: 'm', label: t`Markers seen`, children: count(r.markers) },
        { key: 'a', label: t`Adopted`, children: count(r.adopted) },
        { key: 'd', label: t`Dropped`, children: count(r.dropped) },
        { key: 'f', label: t`Finished`, children: count(r.finished) },
        { key: 'x', label: t`Alarms`, children: count(r.alarms) },
        { key: 'w', label: t`Must wait`, children: count(r.waiting) },
        { key: 'u', label: t`Unreadable folders`, children: count(r.unreadable) },
      ]
    : [
        { key: 'd', label: t`Done`, children: `${counted(j.done_files, 'file')}, ${bytes(j.done_bytes)}` },
        { key: 'f', label: t`Freed`, children: <Size n={j.freed_bytes} /> },
        { key: 'r', label: t`Refused`, children: count(j.refused_files) },
        {
          key: 'x',
          label: t`Failed`,
          // As a rule's limit counts them: the refused were not tried.
          children:
            j.failed_files > 0
              ? t`${count(j.failed_files)}, ${percent(j.failed_files, j.done_files + j.failed_files)} of those tried`
              : '0',
        },
      ];
}

/** Whether a scan walked everything, why, and in what it differs from what was known before it. */
function scanned({ scan: s }: Job) {
  if (!s) return [];
  const how = s.kind === 'increment' ? t`What changed since the last scan` : t`Everything`;
  return [
    { key: 'h', label: t`Listed`, children: s.why ? `${how}: ${s.why}` : how },
    {
      key: 'n',
      label: t`Against before`,
      children: t`${count(s.added)} added, ${count(s.changed)} changed, ${count(s.moved)} moved, ${count(s.gone)} gone`,
    },
  ];
}

const PAUSED = (): Record<Pause['reason'], string> => ({
  window: t`It waits for the next window of its rule`,
  user: t`Somebody paused it`,
  free_space: t`It waits: there is room enough on the volume`,
  limit: t`A limit of its rule holds it`,
});
const STOPPED = (): Record<Pause['reason'], string> => ({
  window: t`Ended with the window of its rule`,
  user: t`Ended by somebody`,
  free_space: t`Ended early: enough of the volume is free`,
  limit: t`Ended early, by a limit of its rule`,
});
type Pause = NonNullable<Job['pause']>;

/** Why it stands still, and when it goes on; or what ended it before its time. */
function Standing({ job, pause }: { job: Job; pause: Pause }) {
  const over = ended(job.state);
  return (
    <Alert
      style={{ marginBottom: 14 }}
      showIcon
      type={over && job.state !== 'failed' ? 'info' : over ? 'error' : 'warning'}
      title={(over ? STOPPED() : PAUSED())[pause.reason]}
      description={
        <>
          {pause.text && <div>{pause.text}.</div>}
          {!over && (
            <div>
              {pause.until ? (
                <>
                  <Trans>
                    It goes on by itself on <When at={pause.until} full />.
                  </Trans>
                </>
              ) : pause.reason === 'window' ? (
                t`No window of its rule opens again: change the rule’s windows.`
              ) : (
                t`It goes on where it was when somebody resumes it.`
              )}
            </div>
          )}
        </>
      }
    />
  );
}

/** The rule as which it was planned. One that is deleted has no room any more. */
function RuleOf({ id, version }: { id: string; version: number | null }) {
  const rule = useQuery({
    queryKey: ['rule', id],
    queryFn: () => must(api.GET('/rules/{id}', { params: { path: { id } } })),
    staleTime: 60_000,
    retry: false,
  });
  const as = version === null ? '' : t`version ${version}`;
  if (rule.isPending) return <>…</>;
  if (!rule.data)
    return <span className="sub">{as ? t`a rule that is deleted, ${as}` : t`a rule that is deleted`}</span>;
  return (
    <span>
      <To path={`/rules/${id}`}>{rule.data.name}</To>
      {version !== null && (
        <>
          ,{' '}
          <To path={`/rules/${id}`} more={{ tab: 'versions', b: String(version) }}>
            {as}
          </To>
        </>
      )}
    </span>
  );
}

/** What became of one file, or of its marker. */
function Became({ outcome: o, kind }: { outcome: Schemas['Outcome']; kind: Job['kind'] }) {
  if (kind === 'reconcile')
    return (
      <span className={o.code === 'ok' ? undefined : 'wrong'}>
        {words(o.act)}
        {o.reason && o.reason !== o.act && `: ${words(o.reason)}`}
      </span>
    );
  if (o.reason) return <>{reasonName(o.reason, o.code)}</>;
  return o.code === 'ok' ? <>{done(o.act)}</> : <span className="wrong">{words(o.code)}</span>;
}

const NO_OUTCOME = (): Partial<Record<Job['kind'], string>> => ({
  scan: t`A scan changes no file.`,
  check_share: t`A check touches no file.`,
  reconcile: t`No marker needed anything so far.`,
  adopt: t`No stub needed to be adopted so far.`,
});

export default function JobRoom() {
  const { id = '' } = useParams();
  const who = useWho();
  const go = useGo();
  const { modal } = App.useApp();
  const [search, change] = useAddress();
  const reason = search.get('reason') ?? undefined;
  const code = search.get('code') ?? undefined;
  const job = useJob(id);
  const outcomes = useList(['outcomes', id, reason, code], (cursor) =>
    must(
      api.GET('/jobs/{id}/outcomes', {
        params: { path: { id }, query: { cursor, limit: 100, reason, code } },
      }),
    ),
  );
  const cancel = useAct(
    () => must(api.POST('/jobs/{id}/cancel', { params: { path: { id } } })),
    ['jobs', 'job'],
  );
  const pause = useAct(pauseJob, ['jobs', 'job']);
  const resume = useAct(resumeJob, ['jobs', 'job']);
  const j = job.data;
  if (!j) return <Coming title={t`Job`} what="job" of={job} list={{ path: '/jobs', name: t`All jobs` }} />;
  const ask = () =>
    modal.confirm({
      title: t`Cancel this job?`,
      content: t`Files under way are finished or left as they were.`,
      okText: t`Cancel the job`,
      cancelText: t`Go on`,
      okButtonProps: { danger: true },
      onOk: () => cancel.mutateAsync(undefined).catch(() => undefined),
    });
  const show = (r?: { reason: string; code: string }) =>
    change({ reason: r?.reason || undefined, code: r && !r.reason ? r.code : undefined });
  const took = j.started_at
    ? new Date(j.ended_at ?? Date.now()).getTime() - new Date(j.started_at).getTime()
    : undefined;
  return (
    <Page
      title={t`Job: ${words(j.kind)}`}
      text={
        j.volume_id ? (
          <>
            <Trans>
              on{' '}
              <To path={`/volumes/${j.volume_id}/files`}>
                <NameOf noun="volumes" id={j.volume_id} customer={who.customer} />
              </To>
            </Trans>
          </>
        ) : j.share_id ? (
          <>
            <Trans>
              of <NameOf noun="shares" id={j.share_id} customer={who.customer} />
            </Trans>
          </>
        ) : undefined
      }
      actions={
        <>
          <Button onClick={() => go('/jobs')}>
            <Trans>All jobs</Trans>
          </Button>
          {who.mayWrite && j.state === 'paused' && j.pause?.reason !== 'window' && (
            <Button type="primary" loading={resume.isPending} onClick={() => resume.mutate(id)}>
              <Trans>Resume</Trans>
            </Button>
          )}
          {who.mayWrite &&
            (j.kind === 'tier' || j.kind === 'archive' || j.kind === 'recall') &&
            !ended(j.state) &&
            j.state !== 'paused' && (
              <Button loading={pause.isPending} onClick={() => pause.mutate(id)}>
                <Trans>Pause</Trans>
              </Button>
            )}
          {who.mayWrite && !ended(j.state) && (
            <Button danger loading={cancel.isPending} onClick={ask}>
              <Trans>Cancel</Trans>
            </Button>
          )}
        </>
      }
    >
      <Card style={{ marginBottom: 16 }}>
        <div className="bar">
          <State of={j.state} />
          <div style={{ flex: '1 1 260px' }}>
            <JobBar job={j} />
          </div>
        </div>
        {j.pause && <Standing job={j} pause={j.pause} />}
        {j.text && j.text !== j.pause?.text && (
          <Alert
            style={{ marginBottom: 14 }}
            showIcon={j.state !== 'done' || !!j.reconcile}
            type={
              j.state === 'failed' ? 'error' : j.state === 'suspended' || j.reconcile ? 'warning' : 'info'
            }
            title={j.text}
          />
        )}
        <Descriptions
          size="small"
          column={{ xs: 1, sm: 2, lg: 4 }}
          items={[
            ...figures(j),
            ...scanned(j),
            ...(j.rule_id
              ? [{ key: 'l', label: t`Rule`, children: <RuleOf id={j.rule_id} version={j.rule_version} /> }]
              : []),
            { key: 'b', label: t`By`, children: j.created_by || 'Alto' },
            { key: 's', label: t`Started`, children: <When at={j.started_at} /> },
            { key: 't', label: t`Took`, children: took === undefined ? '–' : duration(took) },
            { key: 'i', label: t`Id`, children: <span className="mono">{j.id}</span> },
          ]}
        />
      </Card>
      {j.reasons.length > 0 && (
        <Card
          size="small"
          title={t`Why files were left`}
          style={{ marginBottom: 16 }}
          styles={{ body: { padding: 0 } }}
        >
          <Table
            size="small"
            rowKey={(r) => r.reason + r.code}
            pagination={false}
            dataSource={j.reasons}
            columns={[
              {
                title: t`Reason`,
                render: (_, r) => (
                  <div style={{ whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                    <Button type="link" size="small" style={{ padding: 0 }} onClick={() => show(r)}>
                      {reasonName(r.reason, r.code)}
                    </Button>
                    <div className="sub">
                      {explain(r.reason || r.code, j.kind)}
                      {r.sample_path && (
                        <>
                          {' '}
                          <Trans>
                            Such as <span className="mono">{visible(r.sample_path)}</span>
                          </Trans>
                        </>
                      )}
                    </div>
                  </div>
                ),
              },
              {
                title: t`Files`,
                align: 'right',
                width: 90,
                render: (_, r) => <span className="num">{count(r.files)}</span>,
              },
            ]}
          />
        </Card>
      )}
      <div className="head" style={{ marginBottom: 10 }}>
        <h2>
          <Trans>What became of each file</Trans>
        </h2>
        <Select
          allowClear
          aria-label={t`Reason`}
          placeholder={t`All outcomes`}
          style={{ width: 220 }}
          value={reason ?? code}
          onChange={(v) => show(j.reasons.find((r) => (r.reason || r.code) === v))}
          options={j.reasons.map((r) => ({ value: r.reason || r.code, label: reasonName(r.reason, r.code) }))}
        />
      </div>
      <DataTable
        list={outcomes}
        what="outcomes"
        size="small"
        rowKey={(o) => (o.path_b64 ?? o.path) + o.act + o.at}
        empty={
          <Nothing
            title={t`Nothing to tell`}
            text={NO_OUTCOME()[j.kind] ?? t`No file has been handled yet.`}
          />
        }
        brief={(o) => (
          <>
            <Became outcome={o} kind={j.kind} /> · <Size n={o.size} />
            {!!o.freed && (
              <>
                {', '}
                <Trans>
                  <Size n={o.freed} /> freed
                </Trans>
              </>
            )}{' '}
            · <When at={o.at} />
            {o.text && <div>{o.text}</div>}
          </>
        )}
        columns={[
          {
            title: t`Path`,
            render: (_, o) => (
              <div className="mono" style={{ maxWidth: 560, whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                {visible(o.path)}
              </div>
            ),
          },
          {
            title: t`Outcome`,
            render: (_, o) => <Became outcome={o} kind={j.kind} />,
          },
          { title: t`Size`, align: 'right', render: (_, o) => <Size n={o.size} /> },
          { title: t`Freed`, align: 'right', render: (_, o) => (o.freed ? <Size n={o.freed} /> : null) },
          { title: t`Text`, render: (_, o) => o.text },
          { title: t`When`, render: (_, o) => <When at={o.at} /> },
        ]}
      />
    </Page>
  );
}
