// What was brought back: each file by whom and how long it took, and the jobs that bring many.
import { CloudDownloadOutlined } from '@ant-design/icons';
import { Button, Select, Tabs } from 'antd';
import { api, must, type Schemas } from '../api/client';
import { JOB_STATES, useJobs, useList } from '../api/data';
import { bytes, counted, duration } from '../lib/format';
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
  if (of.job_id) return <To path={`/jobs/${of.job_id}`}>a job</To>;
  if (!of.process && of.pid === undefined) return <span className="sub">not told</span>;
  return (
    <>
      {of.process ? visible(of.process) : `process ${of.pid}`}
      {of.uid !== undefined && <span className="sub"> user {of.uid}</span>}
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
        <Search value={text} onChange={(q) => change({ q })} label="Search file or host" />
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
            title={filtered ? 'No recall fits' : 'Nothing was brought back yet'}
            text={
              filtered
                ? 'Choose a longer time, or less of the name.'
                : 'A file comes back when somebody opens it, or when it is recalled among the files.'
            }
            action={
              filtered ? (
                <Button onClick={() => change({ q: undefined, range: undefined })}>Show all</Button>
              ) : (
                <Button onClick={() => go('/volumes')}>To the files</Button>
              )
            }
            command="alto file recall VOLUME PATH --wait"
          />
        }
        columns={[
          {
            title: 'File',
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
                    <NameOf noun="volumes" id={e.subject_id} customer={customer} /> on {e.actor_name}
                  </div>
                )}
              </div>
            ),
          },
          {
            title: 'Result',
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
          { title: 'Wanted by', render: (_, e) => <Wanted of={detailOf(e)} /> },
          { title: 'Size', align: 'right', render: (_, e) => <Size n={detailOf(e).size} /> },
          { title: 'Took', align: 'right', render: (_, e) => <Took of={detailOf(e)} /> },
          { title: 'When', render: (_, e) => <When at={e.at} /> },
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
          aria-label="State"
          placeholder="Any state"
          style={{ width: 130 }}
          value={state}
          options={JOB_STATES.map((s) => ({ value: s, label: s }))}
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
            title={filtered ? 'No job fits' : 'No job has brought files back yet'}
            text={
              filtered
                ? 'Take the filter away to see all of them.'
                : 'Choose files or folders of a volume and press Recall; the job is followed here.'
            }
            action={
              filtered ? (
                <Button onClick={() => change({ state: undefined, volume: undefined })}>Show all</Button>
              ) : (
                <Button onClick={() => go('/volumes')}>To the files</Button>
              )
            }
          />
        }
        columns={[
          {
            title: 'Volume',
            fixed: true,
            render: (_, j) => (
              <To path={`/jobs/${j.id}`}>
                <NameOf noun="volumes" id={j.volume_id} customer={customer} />
              </To>
            ),
          },
          { title: 'State', render: (_, j) => <State of={j.state} /> },
          { title: 'Progress', width: 230, render: (_, j) => <JobBar job={j} /> },
          { title: 'Failed', align: 'right', render: (_, j) => counted(j.failed_files, 'file') },
          {
            title: 'When',
            render: (_, j) => (
              <>
                <When at={j.created_at} />
                <div className="sub">by {j.created_by || 'Alto'}</div>
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
      title="Recalls"
      text="What came back from the shares: who wanted it, how long it took, and what failed."
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
          { key: 'files', label: 'Files', children: <Came /> },
          { key: 'jobs', label: 'Jobs', children: <Bringing /> },
        ]}
      />
    </Page>
  );
}
