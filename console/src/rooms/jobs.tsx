import { UnorderedListOutlined } from '@ant-design/icons';
import { Select } from 'antd';
import type { Schemas } from '../api/client';
import { useJobs, useVolumes } from '../api/data';
import { count, words } from '../lib/format';
import { useAddress, useWho } from '../lib/session';
import { DataTable, JobBar, Nothing, Page, Size, State, To, When } from '../ui/parts';

const STATES = ['queued', 'running', 'suspended', 'done', 'failed', 'cancelled'];
const KINDS = ['scan', 'tier', 'recall', 'check_share', 'reconcile'];

export default function Jobs() {
  const { customer } = useWho();
  const [search, change] = useAddress();
  const volumes = useVolumes(customer);
  const state = STATES.find((s) => s === search.get('state')) as Schemas['JobState'] | undefined;
  const kind = KINDS.find((k) => k === search.get('kind')) as Schemas['JobKind'] | undefined;
  const volume_id = search.get('volume') ?? undefined;
  const list = useJobs(customer, { state, kind, volume_id });
  const options = (names: string[]) => names.map((n) => ({ value: n, label: words(n) }));
  return (
    <Page title="Jobs" text="What is being done, newest first." actions={<>
      <Select allowClear aria-label="State" placeholder="Any state" style={{ width: 130 }} value={state} options={options(STATES)} onChange={(v) => change({ state: v })} />
      <Select allowClear aria-label="Kind" placeholder="Any kind" style={{ width: 130 }} value={kind} options={options(KINDS)} onChange={(v) => change({ kind: v })} />
      <Select allowClear aria-label="Volume" placeholder="All volumes" style={{ width: 160 }} value={volume_id} options={volumes.items.map((v) => ({ value: v.id, label: v.name }))} onChange={(v) => change({ volume: v })} /></>}>
      <DataTable list={list} what="jobs" rowKey="id" empty={<Nothing icon={<UnorderedListOutlined />} title="No job" text={state || kind || volume_id ? 'None fits the filter.' : 'Scan a volume or run a rule; it is followed here.'} command="alto scan VOLUME --wait" />}
        columns={[
          { title: 'Job', fixed: true, render: (_, j) => <To path={`/jobs/${j.id}`}>{words(j.kind)}</To> },
          { title: 'State', render: (_, j) => <State of={j.state} text={j.text} /> },
          { title: 'Volume', render: (_, j) => volumes.items.find((v) => v.id === j.volume_id)?.name ?? '–' },
          { title: 'Progress', width: 230, render: (_, j) => <JobBar job={j} /> },
          { title: 'Freed', align: 'right', render: (_, j) => j.freed_bytes ? <Size n={j.freed_bytes} /> : '–' },
          { title: 'Refused', align: 'right', render: (_, j) => <span className="num">{count(j.refused_files)}</span> },
          { title: 'Failed', align: 'right', render: (_, j) => <span className="num" style={j.failed_files ? { color: '#d9534f', fontWeight: 600 } : undefined}>{count(j.failed_files)}</span> },
          { title: 'By', render: (_, j) => j.created_by || 'Alto' },
          { title: 'When', render: (_, j) => <When at={j.created_at} /> },
        ]} />
    </Page>
  );
}
