import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { HddOutlined, LineChartOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Card, Segmented, Skeleton } from 'antd';
import { lazy, type ReactNode, Suspense } from 'react';
import { api, must, type Schemas } from '../api/client';
import { useJobs } from '../api/data';
import { counted } from '../lib/counted';
import { bytes, compact, count, percent } from '../lib/format';
import { words } from '../lib/words';
import { useAddress, useGo, useWho } from '../lib/session';
import { late } from '../lib/lang';
import type { Point } from '../ui/chart';
import { RecordsCard } from '../ui/record';
import { Failed, JobBar, LOCAL, Nothing, Page, Split, State, TIERED, To, WARN, When } from '../ui/basics';

const Chart = lazy(() => import('../ui/chart'));
const Inventory = late(() => import('../ui/inventory'));
const DAYS: Record<string, number> = { day: 1, week: 7, month: 30 };

function Tile({ k, v, s }: { k: string; v: ReactNode; s?: ReactNode }) {
  return (
    <Card className="tile" styles={{ body: { padding: '14px 18px' } }}>
      <div className="k">{k}</div>
      <div className="v">{v}</div>
      <div className="s">{s}</div>
    </Card>
  );
}

function useSeries(metric: Schemas['Metric'], customer_id: string | undefined, range: string) {
  return useQuery({
    queryKey: ['figures', 'series', metric, customer_id, range],
    queryFn: () =>
      must(
        api.GET('/series', {
          params: {
            query: {
              metric,
              customer_id,
              from: new Date(Date.now() - DAYS[range]! * 86_400_000).toISOString(),
              step_s: (DAYS[range]! * 86_400) / 48,
            },
          },
        }),
      ),
    refetchInterval: 60_000,
  });
}

interface ChartProps {
  title: string;
  names: [string, string];
  colors: [string, string];
  a: ReturnType<typeof useSeries>;
  b: ReturnType<typeof useSeries>;
  kind: 'area' | 'bar';
  range: string;
}

function ChartCard({ title, names, colors, a, b, kind, range }: ChartProps) {
  const points = new Map<number, Point>();
  for (const [key, series] of [
    ['a', a.data],
    ['b', b.data],
  ] as const) {
    for (const p of series?.points ?? []) {
      const at = new Date(p.at).getTime();
      points.set(at, { ...points.get(at), at, [key]: p.value });
    }
  }
  const rows = [...points.values()].sort((x, y) => x.at - y.at);
  const error = a.error ?? b.error;
  const waiting = <Skeleton active title={false} paragraph={{ rows: 6 }} />;
  const body = () => {
    if (error && !a.data)
      return (
        <Failed
          error={error}
          retry={() => {
            void a.refetch();
            void b.refetch();
          }}
        />
      );
    if (a.isPending || b.isPending) return waiting;
    if (!rows.some((r) => r.a || r.b))
      return (
        <div className="nochart">
          <LineChartOutlined aria-hidden />
          <span>
            <Trans>
              Nothing happened in this time.
              <br />
              Points appear as files are scanned and moved.
            </Trans>
          </span>
        </div>
      );
    return (
      <Suspense fallback={waiting}>
        <Chart
          rows={rows}
          names={names}
          colors={colors}
          kind={kind}
          short={range === 'day'}
          label={t`${title}: ${names[0]} and ${names[1]} over time`}
        />
      </Suspense>
    );
  };
  return (
    <Card
      title={title}
      styles={{ body: { padding: '16px 18px', minHeight: 230 } }}
      extra={
        <span className="legend" style={{ margin: 0 }}>
          {names.map((n, i) => (
            <span key={n}>
              <span className="dot" style={{ background: colors[i] }} />
              {n}
            </span>
          ))}
        </span>
      }
    >
      {body()}
    </Card>
  );
}

export default function Overview() {
  const { customer, operator, mayWrite } = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const range = search.get('range') && DAYS[search.get('range')!] ? search.get('range')! : 'day';
  const figures = useQuery({
    queryKey: ['figures', customer],
    queryFn: () => must(api.GET('/figures', { params: { query: { customer_id: customer } } })),
    refetchInterval: 60_000,
  });
  const total = useSeries('bytes', customer, range);
  const freed = useSeries('freed_bytes', customer, range);
  const tiered = useSeries('tiered_bytes', customer, range);
  const recalled = useSeries('recalled_bytes', customer, range);
  const jobs = useJobs(customer);
  const f = figures.data;
  return (
    <Page
      title={t`Overview`}
      text={t`How much is kept locally, and what was moved.`}
      actions={
        <Segmented
          aria-label={t`Time shown`}
          value={range}
          onChange={(v) => change({ range: v })}
          options={[
            { value: 'day', label: t`Day` },
            { value: 'week', label: t`Week` },
            { value: 'month', label: t`Month` },
          ]}
        />
      }
    >
      {figures.error && !f && <Failed error={figures.error} retry={() => void figures.refetch()} />}
      {figures.isPending && (
        <div className="tiles six" role="status" aria-label={t`Loading figures`}>
          {[1, 2, 3, 4, 5, 6].map((i) => (
            <Card key={i} styles={{ body: { padding: '14px 18px' } }}>
              <Skeleton active paragraph={{ rows: 1 }} />
            </Card>
          ))}
        </div>
      )}
      {f && f.hosts === 0 && (
        <Card style={{ marginBottom: 16 }}>
          <Nothing
            icon={<HddOutlined />}
            title={t`Begin with a host`}
            text={t`Enrol the machine whose files are to be looked after. Then add a share for cold files and a volume.`}
            action={
              mayWrite && (
                <Button type="primary" onClick={() => go(operator && !customer ? '/customers' : '/hosts')}>
                  {operator && !customer ? t`Choose or add a customer` : t`Enrol a host`}
                </Button>
              )
            }
          />
        </Card>
      )}
      {f && (
        <>
          <div className="tiles six">
            <Tile
              k={t`Space freed`}
              v={bytes(f.freed_bytes)}
              s={f.bytes > 0 && t`${percent(f.freed_bytes, f.bytes)} of all data`}
            />
            <Tile
              k={t`Files`}
              v={compact(f.files)}
              s={
                <>
                  <Trans>
                    {bytes(f.bytes)} in all
                    <br />
                    {bytes(f.allocated)} on disk
                  </Trans>
                </>
              }
            />
            <Tile k={t`Stubs`} v={compact(f.stub_files)} s={t`${bytes(f.stub_bytes)} on shares`} />
            <Tile
              k={t`Hosts online`}
              v={t`${count(f.hosts_online)} of ${count(f.hosts)}`}
              s={
                <>
                  {counted(f.volumes, 'volume')}
                  <br />
                  {counted(f.shares, 'share')}
                </>
              }
            />
            <Tile
              k={t`Jobs running`}
              v={count(f.jobs_running)}
              s={
                <To path="/jobs">
                  <Trans>all jobs</Trans>
                </To>
              }
            />
            <Tile
              k={t`Tiered in 24 hours`}
              v={compact(f.tiered_24h)}
              s={
                <>
                  <Trans>{count(f.recalls_24h)} recalled</Trans>
                  <br />
                  {f.errors_24h > 0 ? (
                    <b style={{ color: 'var(--warn-text)' }}>{counted(f.errors_24h, 'error')}</b>
                  ) : (
                    t`no errors`
                  )}
                </>
              }
            />
          </div>
          <Card style={{ marginBottom: 16 }} styles={{ body: { padding: '14px 18px' } }}>
            <Split total={f.bytes} tiered={f.stub_bytes} />
          </Card>
        </>
      )}
      {f && f.volumes > 0 && <RecordsCard customer={customer} />}
      <div className="two">
        <ChartCard
          title={t`Growth and savings`}
          names={[t`All data`, t`Freed`]}
          colors={[LOCAL, TIERED]}
          a={total}
          b={freed}
          kind="area"
          range={range}
        />
        <ChartCard
          title={t`Moved`}
          names={[t`Tiered`, t`Recalled`]}
          colors={[TIERED, WARN]}
          a={tiered}
          b={recalled}
          kind="bar"
          range={range}
        />
      </div>
      {customer && f && f.volumes > 0 && (
        <Suspense
          fallback={
            <Card>
              <Skeleton active />
            </Card>
          }
        >
          <div style={{ marginBottom: 16 }}>
            <Inventory customer={customer} />
          </div>
        </Suspense>
      )}
      <Card
        title={t`Latest jobs`}
        extra={
          <To path="/jobs">
            <Trans>All jobs</Trans>
          </To>
        }
      >
        {jobs.error ? (
          <Failed error={jobs.error} retry={jobs.retry} />
        ) : jobs.pending ? (
          <Skeleton active />
        ) : jobs.items.length === 0 ? (
          <span className="sub">
            <Trans>No job has run yet. Scan a volume to begin.</Trans>
          </span>
        ) : (
          jobs.items.slice(0, 6).map((j) => (
            <div key={j.id} className="jobline">
              <span className="k">
                <To path={`/jobs/${j.id}`}>{words(j.kind)}</To>
              </span>
              <span className="v">
                <State of={j.state} text={j.text} />
              </span>
              <div className="b">
                <JobBar job={j} />
              </div>
              <span className="w">
                <When at={j.created_at} />
              </span>
            </div>
          ))
        )}
      </Card>
    </Page>
  );
}
