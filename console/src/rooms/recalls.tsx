// What was brought back: each file by whom and how long it took, and the jobs that bring many.
import { words } from '../lib/words';
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { CloudDownloadOutlined } from '@ant-design/icons';
import { Button, Select, Tabs } from 'antd';
import { api, must, type Schemas } from '../api/client';
import { JOB_STATES, useJobs, useList } from '../api/data';
import { counted } from '../lib/counted';
import { bytes, duration } from '../lib/format';
import { visible } from '../lib/path';
import { useAddress, useGo, useWho } from '../lib/session';
import { JobBar, Nothing, Page, Search, Size, State, To, When } from '../ui/parts';
import { NameOf, VolumePick } from '../ui/pick';
import { SincePick, sinceOf } from '../ui/since';
import { DataTable } from '../ui/table';

type Event = Schemas['Event'];

/** What the host told with a recall; nothing of it is promised for older events. */
interface Detail {
  job_id?: string;
  size?: number;
  took_ns?: number;
  process?: string;
  pid?: number;
  uid?: number;
  reason?: string;
  text?: string;
}
const detailOf = (e: Event): Detail => (e.detail ?? {}) as Detail;

/** Who wanted it: a job that somebody started, or the program that opened the file. */
function Wanted({ of }: { of: Detail }) {
  if (of.job_id)
    return (
      <To path={`/jobs/${of.job_id}`}>
        <Trans>a job</Trans>
      </To>
    );
  if (!of.process && of.pid === undefined)
    return (
      <span className="sub">
        <Trans>not told</Trans>
      </span>
    );
  return (
    <>
      {of.process ? visible(of.process) : t`process ${of.pid ?? '–'}`}
      {of.uid !== undefined && (
        <span className="sub">
          {' '}
          <Trans>user {of.uid}</Trans>
        </span>
      )}
    </>
  );
}

function Took({ of }: { of: Detail }) {
  if (!of.took_ns) return <span className="sub">–</span>;
  const ms = of.took_ns / 1e6;
  return (
    <span className="num">
      {ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : duration(ms)}
      {!!of.size && ms > 0 && <span className="sub"> {bytes((of.size / ms) * 1000)}/s</span>}
    </span>
  );
}

function Came() {
  const { customer } = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const range = search.get('range') ?? undefined;
  const list = useList<Event>(['audit', 'recalls', customer, text, range], (cursor) =>
    must(
      api.GET('/audit', {
        params: {
          query: {
            cursor,
            limit: 100,
            customer_id: customer,
            act: 'file.recall',
            q: text || undefined,
            from: sinceOf(range),
          },
        },
      }),
    ),
  );
  const filtered = !!text || !!range;
  return (
    <>
      <div className="bar">
        <Search value={text} onChange={(q) => change({ q })} label={t`Search file or host`} />
        <SincePick value={range} onChange={(v) => change({ range: v })} />
      </div>
      <DataTable
        list={list}
        what="files"
        size="small"
        rowKey="id"
        empty={
          <Nothing
            icon={<CloudDownloadOutlined />}
            title={filtered ? t`No recall fits` : t`Nothing was brought back yet`}
            text={
              filtered
                ? t`Choose a longer time, or less of the name.`
                : t`A file comes back when somebody opens it, or when it is recalled among the files.`
            }
            action={
              filtered ? (
                <Button onClick={() => change({ q: undefined, range: undefined })}>
                  <Trans>Show all</Trans>
                </Button>
              ) : (
                <Button onClick={() => go('/volumes')}>
                  <Trans>To the files</Trans>
                </Button>
              )
            }
            command="alto file recall VOLUME PATH --wait"
          />
        }
        columns={[
          {
            title: t`File`,
            fixed: true,
            render: (_, e) => (
              <div style={{ maxWidth: 460, whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                {e.subject_type === 'file' && e.subject_id ? (
                  <To path={`/volumes/${e.subject_id}/why`} more={{ path: e.subject }}>
                    {visible(e.subject)}
                  </To>
                ) : (
                  visible(e.subject)
                )}
                {e.subject_type === 'file' && (
                  <div className="sub">
                    <Trans>
                      <NameOf noun="volumes" id={e.subject_id} customer={customer} /> on {e.actor_name}
                    </Trans>
                  </div>
                )}
              </div>
            ),
          },
          {
            title: t`Result`,
            render: (_, e) => {
              const d = detailOf(e);
              return (
                <>
                  <State of={e.code} />
                  {e.code !== 'ok' && (d.text || d.reason) && (
                    <div className="sub" style={{ maxWidth: 260, whiteSpace: 'normal' }}>
                      {d.text || d.reason}
                    </div>
                  )}
                </>
              );
            },
          },
          { title: t`Wanted by`, render: (_, e) => <Wanted of={detailOf(e)} /> },
          { title: t`Size`, align: 'right', render: (_, e) => <Size n={detailOf(e).size} /> },
          { title: t`Took`, align: 'right', render: (_, e) => <Took of={detailOf(e)} /> },
          { title: t`When`, render: (_, e) => <When at={e.at} /> },
        ]}
      />
    </>
  );
}

function Bringing() {
  const { customer } = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const state = JOB_STATES.find((s) => s === search.get('state'));
  const volume_id = search.get('volume') ?? undefined;
  const list = useJobs(customer, { kind: 'recall', state, volume_id });
  const filtered = !!state || !!volume_id;
  return (
    <>
      <div className="bar">
        <Select
          allowClear
          aria-label={t`State`}
          placeholder={t`Any state`}
          style={{ width: 130 }}
          value={state}
          options={JOB_STATES.map((s) => ({ value: s, label: words(s) }))}
          onChange={(v) => change({ state: v })}
        />
        <VolumePick
          customer={customer}
          style={{ width: 200 }}
          value={volume_id}
          onChange={(v) => change({ volume: v })}
        />
      </div>
      <DataTable
        list={list}
        what="jobs"
        rowKey="id"
        empty={
          <Nothing
            icon={<CloudDownloadOutlined />}
            title={filtered ? t`No job fits` : t`No job has brought files back yet`}
            text={
              filtered
                ? t`Take the filter away to see all of them.`
                : t`Choose files or folders of a volume and press Recall; the job is followed here.`
            }
            action={
              filtered ? (
                <Button onClick={() => change({ state: undefined, volume: undefined })}>
                  <Trans>Show all</Trans>
                </Button>
              ) : (
                <Button onClick={() => go('/volumes')}>
                  <Trans>To the files</Trans>
                </Button>
              )
            }
          />
        }
        columns={[
          {
            title: t`Volume`,
            fixed: true,
            render: (_, j) => (
              <To path={`/jobs/${j.id}`}>
                <NameOf noun="volumes" id={j.volume_id} customer={customer} />
              </To>
            ),
          },
          { title: t`State`, render: (_, j) => <State of={j.state} /> },
          { title: t`Progress`, width: 230, render: (_, j) => <JobBar job={j} /> },
          { title: t`Failed`, align: 'right', render: (_, j) => counted(j.failed_files, 'file') },
          {
            title: t`When`,
            render: (_, j) => (
              <>
                <When at={j.created_at} />
                <div className="sub">
                  <Trans>by {j.created_by || 'Alto'}</Trans>
                </div>
              </>
            ),
          },
        ]}
      />
    </>
  );
}

export default function Recalls() {
  const [search, change] = useAddress();
  const tab = search.get('tab') === 'jobs' ? 'jobs' : 'files';
  return (
    <Page
      title={t`Recalls`}
      text={t`What came back from the shares: who wanted it, how long it took, and what failed.`}
    >
      <Tabs
        activeKey={tab}
        destroyOnHidden
        // Each has filters of its own.
        onChange={(t) =>
          change({
            tab: t === 'files' ? undefined : t,
            q: undefined,
            range: undefined,
            state: undefined,
            volume: undefined,
          })
        }
        items={[
          { key: 'files', label: t`Files`, children: <Came /> },
          { key: 'jobs', label: t`Jobs`, children: <Bringing /> },
        ]}
      />
    </Page>
  );
}
