import { HddOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Card, Segmented, Skeleton } from 'antd';
import type { ReactNode } from 'react';
import { Area, AreaChart, Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { api, must, type Schemas } from '../api/client';
import { useJobs } from '../api/data';
import { bytes, compact, count, percent, words } from '../lib/format';
import { useAddress, useGo, useWho } from '../lib/session';
import { Failed, JobBar, LOCAL, Nothing, Page, Split, State, TIERED, To, WARN, When } from '../ui/parts';

const DAYS: Record<string, number> = { day: 1, week: 7, month: 30 };

function Tile({ k, v, s }: { k: string; v: ReactNode; s?: ReactNode }) {
  return <Card className="tile" styles={{ body: { padding: '14px 18px' } }}><div className="k">{k}</div><div className="v">{v}</div><div className="s">{s}</div></Card>;
}

function useSeries(metric: Schemas['Metric'], customer_id: string | undefined, range: string) {
  return useQuery({
    queryKey: ['figures', 'series', metric, customer_id, range],
    queryFn: () => must(api.GET('/series', { params: { query: { metric, customer_id, from: new Date(Date.now() - DAYS[range]! * 86_400_000).toISOString(), step_s: (DAYS[range]! * 86_400) / 48 } } })),
    refetchInterval: 60_000,
  });
}

function Chart({ title, names, colors, a, b, kind, range }: { title: string; names: [string, string]; colors: [string, string]; a: ReturnType<typeof useSeries>; b: ReturnType<typeof useSeries>; kind: 'area' | 'bar'; range: string }) {
  const points = new Map<number, { at: number; a?: number; b?: number }>();
  for (const [key, series] of [['a', a.data], ['b', b.data]] as const) {
    for (const p of series?.points ?? []) {
      const at = new Date(p.at).getTime();
      points.set(at, { ...points.get(at), at, [key]: p.value });
    }
  }
  const rows = [...points.values()].sort((x, y) => x.at - y.at);
  const axis = new Intl.DateTimeFormat('en-GB', range === 'day' ? { hour: '2-digit', minute: '2-digit' } : { day: 'numeric', month: 'short' });
  const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
  const same = [
    <CartesianGrid key="g" vertical={false} stroke="rgba(127,140,150,.25)" />,
    <XAxis key="x" dataKey="at" tickFormatter={(t: number) => axis.format(t)} minTickGap={40} tick={{ fontSize: 12, fill: '#7d8a94' }} axisLine={false} tickLine={false} />,
    <YAxis key="y" tickFormatter={(n: number) => bytes(n)} width={64} tick={{ fontSize: 12, fill: '#7d8a94' }} axisLine={false} tickLine={false} />,
    <Tooltip key="t" labelFormatter={(t) => full.format(Number(t))} formatter={(n) => bytes(Number(n))} contentStyle={{ background: '#1f272c', border: 0, borderRadius: 8, color: '#fff' }} itemStyle={{ color: '#fff' }} cursor={{ fill: 'rgba(127,140,150,.12)' }} />,
  ];
  const error = a.error ?? b.error;
  return (
    <Card title={title} extra={<span className="legend" style={{ margin: 0 }}>{names.map((n, i) => <span key={n}><span className="dot" style={{ background: colors[i] }} />{n}</span>)}</span>}>
      {error && !a.data ? <Failed error={error} retry={() => { void a.refetch(); void b.refetch(); }} />
        : a.isPending || b.isPending ? <Skeleton active paragraph={{ rows: 5 }} />
          : !rows.some((r) => r.a || r.b) ? <div style={{ height: 220, display: 'grid', placeItems: 'center', opacity: 0.65, textAlign: 'center' }}>Nothing happened in this time.<br />Points appear as files are scanned and moved.</div>
            : (
              <ResponsiveContainer width="100%" height={220}>
                {kind === 'area'
                  ? <AreaChart data={rows}>{same}{(['a', 'b'] as const).map((k, i) => <Area key={k} name={names[i]} dataKey={k} stroke={colors[i]} fill={colors[i]} fillOpacity={0.16} strokeWidth={2} isAnimationActive={false} connectNulls />)}</AreaChart>
                  : <BarChart data={rows}>{same}{(['a', 'b'] as const).map((k, i) => <Bar key={k} name={names[i]} dataKey={k} fill={colors[i]} isAnimationActive={false} maxBarSize={18} radius={[3, 3, 0, 0]} />)}</BarChart>}
              </ResponsiveContainer>
            )}
    </Card>
  );
}

export default function Overview() {
  const { customer, operator } = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const range = search.get('range') && DAYS[search.get('range')!] ? search.get('range')! : 'day';
  const figures = useQuery({ queryKey: ['figures', customer], queryFn: () => must(api.GET('/figures', { params: { query: { customer_id: customer } } })), refetchInterval: 60_000 });
  const total = useSeries('bytes', customer, range);
  const freed = useSeries('freed_bytes', customer, range);
  const tiered = useSeries('tiered_bytes', customer, range);
  const recalled = useSeries('recalled_bytes', customer, range);
  const jobs = useJobs(customer);
  const f = figures.data;
  return (
    <Page title="Overview" text="How much is kept locally, and what was moved." actions={<Segmented aria-label="Time shown" value={range} onChange={(v) => change({ range: v })} options={[{ value: 'day', label: 'Day' }, { value: 'week', label: 'Week' }, { value: 'month', label: 'Month' }]} />}>
      {figures.error && !f && <Failed error={figures.error} retry={() => void figures.refetch()} />}
      {figures.isPending && <div className="tiles">{[1, 2, 3, 4].map((i) => <Card key={i}><Skeleton active paragraph={{ rows: 1 }} /></Card>)}</div>}
      {f && f.hosts === 0 && <Card style={{ marginBottom: 16 }}><Nothing icon={<HddOutlined />} title="Begin with a host" text="Enrol the machine whose files are to be looked after. Then add a share for cold files and a volume."
        action={<Button type="primary" onClick={() => go(operator && !customer ? '/customers' : '/hosts')}>{operator && !customer ? 'Choose or add a customer' : 'Enrol a host'}</Button>} /></Card>}
      {f && (
        <>
          <div className="tiles six">
            <Tile k="Space freed" v={bytes(f.freed_bytes)} s={`${percent(f.freed_bytes, f.bytes)} of all data`} />
            <Tile k="Files" v={compact(f.files)} s={`${bytes(f.bytes)}, ${bytes(f.allocated)} on disk`} />
            <Tile k="Stubs" v={compact(f.stub_files)} s={`${bytes(f.stub_bytes)} on shares`} />
            <Tile k="Hosts online" v={`${f.hosts_online} of ${f.hosts}`} s={`${count(f.volumes)} volumes, ${count(f.shares)} shares`} />
            <Tile k="Jobs running" v={count(f.jobs_running)} s={<To path="/jobs">all jobs</To>} />
            <Tile k="Last 24 hours" v={`${compact(f.tiered_24h)} tiered`} s={<>{count(f.recalls_24h)} recalled, {f.errors_24h > 0 ? <b style={{ color: WARN }}>{count(f.errors_24h)} errors</b> : 'no errors'}</>} />
          </div>
          <Card style={{ marginBottom: 16 }} styles={{ body: { padding: '14px 18px' } }}><Split total={f.bytes} tiered={f.stub_bytes} /></Card>
        </>
      )}
      <div className="two">
        <Chart title="Growth and savings" names={['All data', 'Freed']} colors={[LOCAL, TIERED]} a={total} b={freed} kind="area" range={range} />
        <Chart title="Moved" names={['Tiered', 'Recalled']} colors={[TIERED, WARN]} a={tiered} b={recalled} kind="bar" range={range} />
      </div>
      <Card title="Latest jobs" extra={<To path="/jobs">All jobs</To>}>
        {jobs.error ? <Failed error={jobs.error} retry={jobs.retry} /> : jobs.pending ? <Skeleton active /> : jobs.items.length === 0 ? <span className="sub">No job has run yet. Scan a volume to begin.</span>
          : jobs.items.slice(0, 6).map((j) => (
            <div key={j.id} style={{ display: 'flex', flexWrap: 'wrap', gap: '4px 16px', alignItems: 'center', padding: '8px 0' }}>
              <span style={{ width: 120 }}><To path={`/jobs/${j.id}`}>{words(j.kind)}</To></span><span style={{ width: 90 }}><State of={j.state} text={j.text} /></span>
              <div style={{ flex: '1 1 200px' }}><JobBar job={j} /></div><When at={j.created_at} />
            </div>
          ))}
      </Card>
    </Page>
  );
}
