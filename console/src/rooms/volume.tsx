// One volume in figures: how old, how large, whose, what is hot and cold, where it lies, how it grew.
import { plural, t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { BarChartOutlined, FolderOpenOutlined, LineChartOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Button, Card, Grid, Segmented, Select, Skeleton, Table, Tabs } from 'antd';
import { lazy, Suspense } from 'react';
import { useParams } from 'react-router';
import { api, must, type Schemas, type Volume } from '../api/client';
import { volumeFigures, type VolumeFigures, volumeGrowth } from '../api/calls';
import { counted } from '../lib/counted';
import { bytes, count, percent } from '../lib/format';
import { type Place, visible } from '../lib/path';
import { useAddress, useGo, useWho } from '../lib/session';
import {
  Bars,
  Coming,
  Failed,
  LOCAL,
  Nothing,
  Page,
  Size,
  Split,
  State,
  TIERED,
  To,
  When,
} from '../ui/parts';
import { NameOf } from '../ui/pick';
import { AgeCard, GroupCards, SizeCard } from '../ui/figurecards';
import { RecordCard } from '../ui/record';
import { FilesTable, Tiles } from '../ui/planview';
import { folderQuery, Tree, type TreeSort, useFolders } from '../ui/tree';
import { Trail } from '../ui/trail';

const Growth = lazy(() => import('../ui/histogram').then((m) => ({ default: m.Growth })));
const Map = lazy(() => import('../ui/histogram').then((m) => ({ default: m.Map })));

const WANT = 'age,modified,size,ext,owner,hottest,coldest,largest,duplicates';
const LISTS = () => ({ coldest: t`Coldest`, hottest: t`Hottest`, largest: t`Largest` }) as const;
const EVIDENCE = (): Record<string, string> => ({
  recall: t`a recall by Alto`,
  audit: t`an access log`,
  import: t`an imported list`,
  walk: t`the file system’s own time`,
});

function Duplicates({ list, volume }: { list: Schemas['FigureDuplicate'][]; volume: string }) {
  const wide = Grid.useBreakpoint().md ?? true;
  if (list.length === 0)
    return (
      <span className="sub">
        <Trans>No two files have the same name and size.</Trans>
      </span>
    );
  const sample = (d: Schemas['FigureDuplicate']) => (
    <To
      path={`/volumes/${volume}/why`}
      more={d.sample_path_b64 ? { path_b64: d.sample_path_b64 } : { path: d.sample_path }}
    >
      {visible(d.sample_path)}
    </To>
  );
  if (!wide)
    return (
      <ul className="cards" aria-label={t`Same name and size`}>
        {list.map((d) => (
          <li key={`${d.name}/${d.size}`}>
            <div className="mono" style={{ overflowWrap: 'anywhere' }}>
              {visible(d.name)}
            </div>
            <div className="brief">
              <Trans>
                {counted(d.files, 'file')} of <Size n={d.size} />, <Size n={d.wasted_bytes} /> too much
              </Trans>
              <div className="mono">
                <Trans>such as {sample(d)}</Trans>
              </div>
            </div>
          </li>
        ))}
      </ul>
    );
  return (
    <Table
      size="small"
      rowKey={(d) => `${d.name}/${d.size}`}
      dataSource={list}
      pagination={{ pageSize: 8, hideOnSinglePage: true, showSizeChanger: false }}
      scroll={{ x: 'max-content' }}
      columns={[
        {
          title: t`Name`,
          render: (_, d) => (
            <div style={{ maxWidth: 620 }}>
              <div className="mono cut" title={d.name}>
                {visible(d.name)}
              </div>
              <div className="sub mono cut" title={d.sample_path}>
                {sample(d)}
              </div>
            </div>
          ),
        },
        { title: t`Size`, align: 'right', render: (_, d) => <Size n={d.size} /> },
        { title: t`Files`, align: 'right', render: (_, d) => <span className="num">{count(d.files)}</span> },
        { title: t`Too much`, align: 'right', render: (_, d) => <Size n={d.wasted_bytes} /> },
      ]}
    />
  );
}

function Shown({ f, volume }: { f: VolumeFigures; volume: Volume }) {
  const [search, change] = useAddress();
  const list = (search.get('list') ?? 'coldest') as keyof ReturnType<typeof LISTS>;
  const all = f.totals;
  const known = Object.entries(f.evidence)
    .filter(([, n]) => n)
    .sort((a, b) => b[1]! - a[1]!);
  return (
    <>
      <Tiles
        tiles={[
          { k: t`Files`, v: count(all.files), s: t`in ${counted(all.folders, 'folder')}` },
          { k: t`Data`, v: bytes(all.bytes), s: t`as long as the files are` },
          { k: t`On disk`, v: bytes(all.allocated), s: t`${percent(all.allocated, all.bytes)} of the data` },
          { k: t`On the share`, v: bytes(all.stub_bytes), s: counted(all.stub_files, 'file') },
          {
            k: t`Access not known`,
            v: count(f.unknown_access.files),
            s: t`${bytes(f.unknown_access.bytes)}; no rule takes them for cold`,
          },
          ...(f.imported_files > 0
            ? [{ k: t`From imports only`, v: count(f.imported_files), s: t`not yet seen by a scan` }]
            : []),
        ]}
      />
      <div className="two">
        <AgeCard title={t`By last access`} of={f.age} />
        <SizeCard of={f.size} />
        <AgeCard title={t`By last change`} of={f.modified} />
        <Card size="small" title={t`Where the last access is known from`}>
          {known.length ? (
            <Bars
              rows={known.map(([source, n]) => ({
                key: source,
                name: EVIDENCE()[source] ?? source,
                value: n!,
                text: counted(n, 'file'),
              }))}
            />
          ) : (
            <span className="sub">
              <Trans>It is known of no file.</Trans>
            </span>
          )}
        </Card>
        <GroupCards ext={f.ext} owner={f.owner} />
      </div>
      <Card
        size="small"
        style={{ marginBottom: 16 }}
        title={t`Files`}
        extra={
          <Segmented
            size="small"
            aria-label={t`Which files`}
            value={list}
            options={Object.entries(LISTS()).map(([value, label]) => ({ value, label }))}
            onChange={(v) => change({ list: v === 'coldest' ? undefined : String(v) })}
          />
        }
        styles={{ body: { padding: 0 } }}
      >
        <FilesTable files={f[list] ?? []} volume={volume.id} />
      </Card>
      <Card
        size="small"
        title={t`Same name and size`}
        styles={{ body: f.duplicates?.length ? { padding: 0 } : {} }}
      >
        <Duplicates list={f.duplicates ?? []} volume={volume.id} />
      </Card>
      <p className="sub" style={{ marginTop: 12 }}>
        <Trans>
          Worked out in {Math.max(1, Math.round(f.took_ms))} ms. A same name and size is a hint, no proof:
          look before you delete.
        </Trans>
      </p>
    </>
  );
}

function Figures({ volume, folder }: { volume: Volume; folder: Place }) {
  const who = useWho();
  const go = useGo();
  const figures = useQuery({
    queryKey: ['figures', 'volume', volume.id, folder.b64 ?? folder.path],
    queryFn: ({ signal }) =>
      volumeFigures(volume.id, { ...folderQuery(folder), want: WANT, rows: 20 }, signal),
    staleTime: 30_000,
  });
  if (figures.error && !figures.data)
    return <Failed error={figures.error} retry={() => void figures.refetch()} />;
  if (!figures.data)
    return (
      <Card aria-busy="true" role="status" aria-label={t`Loading figures`}>
        <Skeleton active paragraph={{ rows: 8 }} />
      </Card>
    );
  if (figures.data.totals.files === 0)
    return (
      <Card>
        <Nothing
          icon={<BarChartOutlined />}
          title={
            folder.path === '/' ? t`Nothing is known of this volume yet` : t`There is no file in this folder`
          }
          text={t`Scan it, or import a list of its files: then its age, size and owners are shown here.`}
          action={
            who.mayWrite && (
              <Button type="primary" onClick={() => go('/imports/new', { volume: volume.id })}>
                <Trans>Import a file</Trans>
              </Button>
            )
          }
          command={`alto scan ${volume.name} --wait`}
        />
      </Card>
    );
  return <Shown f={figures.data} volume={volume} />;
}

const SORTS = (): { value: TreeSort; label: string }[] => [
  { value: 'bytes', label: t`Largest first` },
  { value: 'files', label: t`Most files first` },
  { value: 'accessed', label: t`Last accessed first` },
  { value: 'name', label: t`By name` },
];

function Folders({ volume, folder, onOpen }: { volume: Volume; folder: Place; onOpen: (f: Place) => void }) {
  const [search, change] = useAddress();
  const asked = search.get('sort') as TreeSort | null;
  const sort = SORTS().some((s) => s.value === asked) ? asked! : 'bytes';
  const top = useFolders(volume.id, folder, sort);
  if (top.error && !top.data) return <Failed error={top.error} retry={() => void top.refetch()} />;
  if (!top.data)
    return (
      <Card aria-busy="true" role="status" aria-label={t`Loading folders`}>
        <Skeleton active paragraph={{ rows: 8 }} />
      </Card>
    );
  const self = top.data.pages[0]!.self;
  const items = top.data.pages.flatMap((p) => p.items).filter((f) => f.bytes > 0);
  const largest = items
    .slice(0, 8)
    .map((f) => `${f.name} ${bytes(f.bytes)}`)
    .join(', ');
  if (items.length === 0 && self.folders === 0)
    return (
      <Card>
        <Nothing
          icon={<FolderOpenOutlined />}
          title={t`There are no folders`}
          text={plural(self.files, {
            one: `${counted(self.files, 'file')}, ${bytes(self.bytes)}, lies right here.`,
            other: `${counted(self.files, 'file')}, ${bytes(self.bytes)}, lie right here.`,
          })}
        />
      </Card>
    );
  return (
    <>
      <Card
        size="small"
        style={{ marginBottom: 16 }}
        title={t`${counted(self.files, 'file')}, ${bytes(self.bytes)}, in ${counted(self.folders, 'folder')}`}
      >
        <Split total={self.bytes} tiered={self.stub_bytes} />
        {items.length > 1 && (
          <div style={{ marginTop: 14 }}>
            <Suspense fallback={<Skeleton active title={false} paragraph={{ rows: 6 }} />}>
              <Map
                label={t`Folders by data: ${largest}`}
                rows={items
                  .slice(0, 40)
                  .map((f) => ({ name: visible(f.name), path: f.path, b64: f.path_b64, value: f.bytes }))}
                onOpen={(path) => {
                  const f = items.find((x) => x.path === path);
                  if (f) onOpen({ path: f.path, b64: f.path_b64 });
                }}
              />
            </Suspense>
          </div>
        )}
      </Card>
      <Card
        size="small"
        title={t`Folders`}
        extra={
          <Select
            size="small"
            aria-label={t`Order of the folders`}
            style={{ width: 170 }}
            value={sort}
            options={SORTS()}
            onChange={(s: TreeSort) => change({ sort: s === 'bytes' ? undefined : s })}
          />
        }
        styles={{ body: { padding: 0 } }}
      >
        <Tree
          key={folder.b64 ?? folder.path}
          volume={volume.id}
          folder={folder}
          sort={sort}
          onOpen={onOpen}
        />
      </Card>
    </>
  );
}

const RANGES: Record<string, number> = { month: 30, quarter: 91, year: 365, all: 0 };

function Grown({ volume }: { volume: Volume }) {
  const [search, change] = useAddress();
  const range = search.get('range') && search.get('range')! in RANGES ? search.get('range')! : 'quarter';
  const growth = useQuery({
    queryKey: ['growth', volume.id, range],
    queryFn: () =>
      volumeGrowth(
        volume.id,
        RANGES[range]
          ? `${new Date(Date.now() - RANGES[range] * 86_400_000).toISOString().slice(0, 10)}T00:00:00Z`
          : undefined,
      ),
  });
  const days = growth.data?.items ?? [];
  const [first, last] = [days[0], days.at(-1)];
  return (
    <Card
      size="small"
      title={t`Growth`}
      extra={
        <Segmented
          size="small"
          aria-label={t`Time shown`}
          value={range}
          options={[
            { value: 'month', label: t`30 days` },
            { value: 'quarter', label: t`3 months` },
            { value: 'year', label: t`Year` },
            { value: 'all', label: t`All` },
          ]}
          onChange={(v) => change({ range: v === 'quarter' ? undefined : String(v) })}
        />
      }
    >
      {growth.error && !growth.data ? (
        <Failed error={growth.error} retry={() => void growth.refetch()} />
      ) : !growth.data ? (
        <Skeleton active paragraph={{ rows: 7 }} />
      ) : days.length < 2 ? (
        <Nothing
          icon={<LineChartOutlined />}
          title={t`Not enough days yet`}
          text={t`The figures of each day are kept; a curve is drawn from two days on.`}
        />
      ) : (
        <>
          <p style={{ marginTop: 0 }}>
            <Trans>
              From {counted(first!.files, 'file')}, {bytes(first!.bytes)} to {counted(last!.files, 'file')},{' '}
              {bytes(last!.bytes)} in {count(days.length)} days; {bytes(last!.freed_bytes)} freed by stubs
              now.
            </Trans>
          </p>
          <Suspense fallback={<Skeleton active title={false} paragraph={{ rows: 8 }} />}>
            <Growth
              label={t`Data over time, from ${bytes(first!.bytes)} to ${bytes(last!.bytes)}`}
              colors={[LOCAL, TIERED]}
              rows={days.map((d) => ({
                at: new Date(d.day.length === 10 ? `${d.day}T00:00:00Z` : d.day).getTime(),
                local: Math.max(0, d.bytes - d.stub_bytes),
                tiered: d.stub_bytes,
                files: d.files,
              }))}
            />
          </Suspense>
          <div className="legend">
            <span>
              <span className="dot" style={{ background: LOCAL }} />
              <Trans>local</Trans>
            </span>
            <span>
              <span className="dot" style={{ background: TIERED }} />
              <Trans>tiered</Trans>
            </span>
          </div>
        </>
      )}
    </Card>
  );
}

export default function VolumeRoom() {
  const { id = '' } = useParams();
  const who = useWho();
  const go = useGo();
  const [search, change] = useAddress();
  const volume = useQuery({
    queryKey: ['volume', id],
    queryFn: () => must(api.GET('/volumes/{id}', { params: { path: { id } } })),
  });
  const v = volume.data;
  const folder: Place = { path: search.get('folder') ?? '/', b64: search.get('folder_b64') ?? undefined };
  const tab = search.get('tab') ?? 'figures';
  const open = (f: Place) =>
    change({ folder: f.path === '/' ? undefined : f.path, folder_b64: f.path === '/' ? undefined : f.b64 });
  if (!v)
    return (
      <Coming title={t`Volume`} what="volume" of={volume} list={{ path: '/volumes', name: t`All volumes` }} />
    );
  const used = v.bytes_total ? v.bytes_total - (v.bytes_free ?? 0) : 0;
  return (
    <Page
      title={v.name}
      text={
        <>
          <Trans>
            <NameOf noun="hosts" id={v.host_id} customer={who.customer} />{' '}
            <span className="mono">{v.path}</span>; last scan <When at={v.last_scan_at} />
          </Trans>
          {!!v.bytes_total && (
            <>
              <Trans>
                ; {bytes(v.bytes_free)} of {bytes(v.bytes_total)} free ({percent(used, v.bytes_total)} used)
              </Trans>
            </>
          )}
        </>
      }
      actions={
        <>
          <State of={v.state} text={v.state_text || undefined} />
          <Button onClick={() => go(`/volumes/${id}/files`)}>
            <Trans>Files</Trans>
          </Button>
          {v.kind === 'lucidlink' && (
            <Button onClick={() => go(`/access/${id}`)}>
              <Trans>Access</Trans>
            </Button>
          )}
          <Button onClick={() => go('/rules', { volume: id })}>
            <Trans>Rules</Trans>
          </Button>
          <Button onClick={() => go('/imports', { volume: id })}>
            <Trans>Imports</Trans>
          </Button>
        </>
      }
    >
      {v.kind === 'lucidlink' && <RecordCard volume={id} />}
      {tab !== 'growth' && <Trail folder={folder} root={t`the whole volume`} onOpen={open} />}
      <Tabs
        activeKey={tab}
        destroyOnHidden
        onChange={(t) => change({ tab: t === 'figures' ? undefined : t })}
        items={[
          { key: 'figures', label: t`Figures`, children: <Figures volume={v} folder={folder} /> },
          {
            key: 'folders',
            label: t`Folders`,
            children: <Folders volume={v} folder={folder} onOpen={open} />,
          },
          { key: 'growth', label: t`Growth`, children: <Grown volume={v} /> },
        ]}
      />
    </Page>
  );
}
