import { plural, t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { CloudOutlined, FileOutlined, FolderFilled, LinkOutlined } from '@ant-design/icons';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Card, Checkbox, Descriptions, Drawer, Grid, Select } from 'antd';
import type { SorterResult } from 'antd/es/table/interface';
import { useEffect, useState } from 'react';
import { useParams } from 'react-router';
import { api, type FileEntry, must, type Schemas } from '../api/client';
import { ended, useJob, useList } from '../api/data';
import { counted } from '../lib/counted';
import { bytes, count } from '../lib/format';
import { words } from '../lib/words';
import { keyOf, parentOf, pathsOf, type Place, placeOf, visible } from '../lib/path';
import { reasonName } from '../lib/reasons';
import { useAddress, useGo, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import {
  Coming,
  Failed,
  JobBar,
  Nothing,
  Page,
  Search,
  Size,
  Split,
  State,
  TIERED,
  To,
  When,
} from '../ui/parts';
import { DataTable } from '../ui/table';
import { Trail } from '../ui/trail';

type Act = 'tier' | 'recall' | 'adopt';
const ACTS = {
  tier: '/volumes/{id}/tier',
  recall: '/volumes/{id}/recall',
  adopt: '/volumes/{id}/adopt',
} as const;
const DOING = { tier: 'tiering', recall: 'recalling', adopt: 'adopting' } as const;
interface Doing {
  job: string;
  act: Act;
  keys: string[];
}

function Icon({ file }: { file: FileEntry }) {
  if (file.type === 'folder') return <FolderFilled style={{ color: '#d9a441' }} aria-label={t`Folder`} />;
  if (file.state === 'stub')
    return <CloudOutlined style={{ color: TIERED }} aria-label={t`Stub, on the share`} />;
  if (file.state === 'archived')
    return <CloudOutlined style={{ color: TIERED }} aria-label={t`Archived, on the share`} />;
  if (file.type === 'symlink') return <LinkOutlined aria-label={t`Symbolic link`} />;
  return <FileOutlined aria-label={t`File, local`} />;
}

function Name({
  file,
  text,
  onFolder,
  onFile,
}: {
  file: FileEntry;
  text: string;
  onFolder: () => void;
  onFile: () => void;
}) {
  return (
    <span className="name">
      <Icon file={file} />
      {file.type === 'folder' ? (
        <Button type="link" title={text} onClick={onFolder}>
          {text}
        </Button>
      ) : (
        <Button type="text" size="small" title={text} onClick={onFile}>
          {text}
        </Button>
      )}
      {file.path_b64 && (
        <span className="tag" title={t`Its name is no valid UTF-8; it is kept byte by byte`}>
          <Trans>not UTF-8</Trans>
        </span>
      )}
    </span>
  );
}

/** Follows a job until it has ended, then has the list loaded again. */
function Following({ doing, onEnd }: { doing: Doing; onEnd: () => void }) {
  const job = useJob(doing.job);
  const client = useQueryClient();
  const { message } = App.useApp();
  const j = job.data;
  useEffect(() => {
    if (!j || !ended(j.state)) return;
    void client.invalidateQueries({ queryKey: ['files'] });
    void client.invalidateQueries({ queryKey: ['volume'] });

    const left = j.refused_files + j.failed_files;
    const n = j.done_files;
    const files = count(n);
    const kept = count(left);
    const why = j.reasons.map((r) => reasonName(r.reason, r.code)).join(', ') || j.text || words(j.state);
    const all = {
      tier: () => plural(n, { one: `${files} file tiered`, other: `${files} files tiered` }),
      recall: () => plural(n, { one: `${files} file brought back`, other: `${files} files brought back` }),
      adopt: () => plural(n, { one: `${files} file adopted`, other: `${files} files adopted` }),
    };
    const some = {
      tier: () => t`${files} tiered, ${kept} left: ${why}`,
      recall: () => t`${files} brought back, ${kept} left: ${why}`,
      adopt: () => t`${files} adopted, ${kept} left: ${why}`,
    };
    if (j.state === 'done' && left === 0) message.success(all[doing.act]());
    else message.warning(some[doing.act](), 8);
    onEnd();
  }, [j, client, doing.act, message, onEnd]);
  return (
    <Card size="small" style={{ marginBottom: 12 }} role="status">
      <div className="bar" style={{ margin: 0 }}>
        <span>
          {{ tier: t`Moving to the share`, recall: t`Bringing back`, adopt: t`Adopting` }[doing.act]}
        </span>
        <div style={{ flex: '1 1 220px' }}>{j && <JobBar job={j} />}</div>
        <To path={`/jobs/${doing.job}`}>
          <Trans>Show the job</Trans>
        </To>
      </div>
    </Card>
  );
}

function Details({
  volume,
  place,
  logs,
  onClose,
}: {
  volume: string;
  place: Place;
  /** Whether audit logs tell who used it. */
  logs: boolean;
  onClose: () => void;
}) {
  const at = place.b64 ? { path_b64: place.b64 } : { path: place.path };
  const stat = useQuery({
    queryKey: ['files', volume, 'stat', place.b64 ?? place.path],
    queryFn: () =>
      must(
        api.GET('/volumes/{id}/file', {
          params: { path: { id: volume }, query: place.b64 ? { path_b64: place.b64 } : { path: place.path } },
        }),
      ),
  });
  const f = stat.data;
  return (
    <Drawer
      open
      title={f ? visible(f.name) : t`Details`}
      onClose={onClose}
      size={440}
      loading={stat.isPending}
      extra={
        <span className="links">
          {logs && (
            <To path={`/access/${volume}`} more={{ tab: 'live', ...at }}>
              <Trans>Accesses</Trans>
            </To>
          )}
          <To path={`/volumes/${volume}/why`} more={at}>
            <Trans>Why?</Trans>
          </To>
        </span>
      }
    >
      {stat.error && <Failed error={stat.error} retry={() => void stat.refetch()} />}
      {f && (
        <Descriptions
          column={1}
          size="small"
          bordered
          items={[
            {
              key: 'p',
              label: t`Path`,
              children: (
                <span className="mono" style={{ overflowWrap: 'anywhere' }}>
                  {visible(f.path)}
                </span>
              ),
            },
            { key: 's', label: t`State`, children: <State of={f.state} /> },
            { key: 'z', label: t`Size`, children: t`${bytes(f.size)} (${count(f.size)} bytes)` },
            { key: 'a', label: t`On disk`, children: bytes(f.allocated) },
            ...(f.files !== undefined
              ? [{ key: 'f', label: t`Below`, children: `${counted(f.files, 'file')}, ${bytes(f.bytes)}` }]
              : []),
            { key: 'm', label: t`Modified`, children: <When at={f.mtime_at} full none={t`not known`} /> },
            { key: 'c', label: t`Changed`, children: <When at={f.ctime_at} full none={t`not known`} /> },
            { key: 'b', label: t`Created`, children: <When at={f.btime_at} full none={t`not known`} /> },
            {
              key: 'x',
              label: t`Accessed`,
              children: (
                <>
                  <When at={f.accessed_at} full none={t`not known`} />
                  {f.accessed_source && (
                    <span className="sub">
                      {' '}
                      <Trans>by {words(f.accessed_source)}</Trans>
                    </span>
                  )}
                </>
              ),
            },
            {
              key: 'o',
              label: t`Owner`,
              children: `${f.owner ? `${f.owner} (${f.uid})` : (f.uid ?? '–')} : ${f.gid ?? '–'}`,
            },
            {
              key: 'r',
              label: t`Mode`,
              children: (
                <span className="mono">
                  {f.mode === undefined ? '–' : f.mode.toString(8).padStart(4, '0')}
                </span>
              ),
            },
            { key: 'i', label: t`Inode`, children: <span className="mono">{f.ino ?? '–'}</span> },
            ...(f.object_id
              ? [{ key: 'j', label: t`Object`, children: <span className="mono">{f.object_id}</span> }]
              : []),
          ]}
        />
      )}
    </Drawer>
  );
}

const STATES = ['resident', 'stub', 'tiering', 'recalling', 'pinned', 'archived'];
const SORTS = () =>
  [
    { value: 'name', label: t`Name` },
    { value: 'size', label: t`Size` },
    { value: 'mtime', label: t`Modified` },
    { value: 'accessed', label: t`Accessed` },
  ] as const;
type Sort = ReturnType<typeof SORTS>[number]['value'];

/** What was chosen in one volume is nothing in another. */
export default function Files() {
  const { id = '' } = useParams();
  return <FilesOf key={id} id={id} />;
}

function FilesOf({ id }: { id: string }) {
  const go = useGo();
  const who = useWho();
  const [search, change] = useAddress();
  const place: Place = { path: search.get('path') ?? '/', b64: search.get('b64') ?? undefined };
  const text = search.get('q') ?? '';
  const state = STATES.find((s) => s === search.get('state')) as Schemas['FileState'] | undefined;
  const sort = SORTS().find((n) => n.value === search.get('sort'))?.value ?? 'name';
  const order = search.get('order') === 'desc' ? ('desc' as const) : ('asc' as const);
  const wide = Grid.useBreakpoint().md ?? true;
  const recursive = search.get('below') === '1';
  const volume = useQuery({
    queryKey: ['volume', id],
    queryFn: () => must(api.GET('/volumes/{id}', { params: { path: { id } } })),
  });
  const list = useList<FileEntry>(
    ['files', id, place.b64 ?? place.path, text, state, sort, order, recursive],
    (cursor) =>
      must(
        api.GET('/volumes/{id}/files', {
          params: {
            path: { id },
            query: {
              ...(place.b64 ? { path_b64: place.b64 } : { path: place.path }),
              cursor,
              limit: 200,
              q: text || undefined,
              state,
              sort,
              order,
              recursive,
            },
          },
        }),
      ),
  );
  const [chosen, setChosen] = useState<string[]>([]);
  const [doing, setDoing] = useState<Doing[]>([]);
  const opened = search.get('open');
  const details: Place | undefined = opened
    ? { path: opened, b64: search.get('open_b64') ?? undefined }
    : undefined;
  const setDetails = (to: Place | undefined) => change({ open: to?.path, open_b64: to?.b64 });
  const act = useAct(
    async ({ act: verb, files }: { act: Act; files: FileEntry[] }) => ({
      job: await must(
        api.POST(ACTS[verb], {
          params: { path: { id } },
          body: pathsOf(files),
        }),
      ),
      act: verb,
      keys: files.map(keyOf),
    }),
    ['jobs'],
    (r) => {
      setDoing((old) => [...old, { job: r.job.id, act: r.act, keys: r.keys }]);
      setChosen([]);
    },
  );
  const open = (to: Place) => {
    setChosen([]);
    change({
      path: to.path === '/' ? undefined : to.path,
      b64: to.b64,
      q: undefined,
      below: undefined,
      open: undefined,
      open_b64: undefined,
    });
  };
  const picked = list.items.filter((f) => chosen.includes(keyOf(f)));
  const busy = (f: FileEntry) => doing.find((d) => d.keys.includes(keyOf(f)));
  // More than fits on a screen: only what is seen is drawn.
  const many = list.items.length > 60;
  const sorted = (name: Sort) =>
    sort === name ? (order === 'asc' ? ('ascend' as const) : ('descend' as const)) : null;
  const sortBy = (by: SorterResult<FileEntry> | SorterResult<FileEntry>[]) => {
    const { columnKey, order: way } = Array.isArray(by) ? by[0]! : by;
    change({
      sort: !way || columnKey === 'name' ? undefined : String(columnKey),
      order: way === 'descend' ? 'desc' : undefined,
    });
  };
  const v = volume.data;
  const filtered = !!text || !!state;
  const title = filtered ? t`No file fits` : v?.last_scan_at ? t`This folder is empty` : t`Not scanned yet`;
  const why = filtered
    ? t`Search in subfolders too, or take the filter away.`
    : v?.last_scan_at
      ? t`As of the last scan.`
      : t`Scan the volume to see its files.`;
  const empty = (
    <Nothing
      icon={<FileOutlined />}
      title={title}
      text={why}
      action={
        place.path !== '/' ? (
          <Button onClick={() => open(parentOf(place))}>
            <Trans>One folder up</Trans>
          </Button>
        ) : undefined
      }
      command={filtered || v?.last_scan_at ? undefined : `alto scan ${v?.name ?? 'VOLUME'} --wait`}
    />
  );
  if (volume.error && !v)
    return (
      <Coming
        title={t`Files`}
        what="volume"
        of={{
          error: volume.error,
          refetch: () => {
            void volume.refetch();
            list.retry();
          },
        }}
        list={{ path: '/volumes', name: t`All volumes` }}
      />
    );
  return (
    <Page
      title={v ? t`Files of ${v.name}` : t`Files`}
      text={
        v && (
          <>
            <Trans>
              {counted(v.files, 'file')}; last scan <When at={v.last_scan_at} />
            </Trans>
          </>
        )
      }
      actions={
        v && (
          <>
            <div className="wide" style={{ width: 260 }}>
              <Split total={v.bytes} tiered={v.stub_bytes} />
            </div>
            {v.kind === 'lucidlink' && (
              <Button onClick={() => go(`/access/${id}`)}>
                <Trans>Access</Trans>
              </Button>
            )}
            <Button onClick={() => go(`/volumes/${id}`)}>
              <Trans>Figures</Trans>
            </Button>
          </>
        )
      }
    >
      <Trail folder={place} root={v?.name ?? '/'} onOpen={open} />
      <div className="bar">
        <Search value={text} onChange={(q) => change({ q })} label={t`Search by name`} />
        <Select
          allowClear
          aria-label={t`State`}
          placeholder={t`Any state`}
          style={{ width: 130 }}
          value={state}
          onChange={(s) => change({ state: s })}
          options={STATES.map((s) => ({ value: s, label: words(s) }))}
        />
        {!wide && (
          <Select
            aria-label={t`Sort by`}
            style={{ width: 120 }}
            value={sort}
            onChange={(s) => change({ sort: s === 'name' ? undefined : s })}
            options={[...SORTS()]}
          />
        )}
        {!wide && (
          <Button
            aria-label={order === 'asc' ? t`Ascending` : t`Descending`}
            onClick={() => change({ order: order === 'asc' ? 'desc' : undefined })}
          >
            {order === 'asc' ? '↑' : '↓'}
          </Button>
        )}
        <Checkbox checked={recursive} onChange={(e) => change({ below: e.target.checked ? '1' : undefined })}>
          <Trans>with subfolders</Trans>
        </Checkbox>
        {who.mayWrite && picked.length > 0 && (
          <>
            {v?.way.kind === 'archive' || v?.way.kind === 'report' ? (
              // Chosen files are only ever made stubs; placeholders are left by rules.
              <span className="sub">
                {v.way.kind === 'archive' ? (
                  <>
                    <Trans>
                      Files here are archived,{' '}
                      <To path="/rules/new" more={{ volume: id }}>
                        by a rule
                      </To>
                      .
                    </Trans>
                  </>
                ) : (
                  t`Files here are not moved.`
                )}
              </span>
            ) : (
              <Button
                type="primary"
                loading={act.isPending}
                onClick={() => act.mutate({ act: 'tier', files: picked })}
              >
                <Trans>Tier {count(picked.length)}</Trans>
              </Button>
            )}
            <Button loading={act.isPending} onClick={() => act.mutate({ act: 'recall', files: picked })}>
              <Trans>Recall {count(picked.length)}</Trans>
            </Button>
            {v?.kind === 'ntfs' && (
              <Button
                loading={act.isPending}
                title={t`Makes stubs readable that a restore from a backup or a copy has put there; a folder with all below it`}
                onClick={() => act.mutate({ act: 'adopt', files: picked })}
              >
                <Trans>Adopt {count(picked.length)}</Trans>
              </Button>
            )}
          </>
        )}
      </div>
      {doing.map((d) => (
        <Following
          key={d.job}
          doing={d}
          onEnd={() => setDoing((old) => old.filter((o) => o.job !== d.job))}
        />
      ))}
      <DataTable
        list={list}
        what="entries"
        size="small"
        rowKey={keyOf}
        virtual={many}
        scroll={{ x: 900, ...(many ? { y: Math.max(320, window.innerHeight - 360) } : {}) }}
        empty={empty}
        rowSelection={
          who.mayWrite
            ? {
                selectedRowKeys: chosen,
                onChange: (keys) => setChosen(keys.map(String)),
                fixed: true,
                columnWidth: 44,
                getCheckboxProps: (f) => ({ 'aria-label': t`Choose ${f.name}` }) as object,
              }
            : undefined
        }
        brief={(f) =>
          f.type === 'folder' ? (
            f.files !== undefined && (
              <>
                {counted(f.files, 'file')}, <Size n={f.bytes} />
              </>
            )
          ) : (
            <>
              <Size n={f.size} /> · <When at={f.mtime_at} none={t`not known`} />{' '}
              <State of={busy(f) ? DOING[busy(f)!.act] : f.state} />
            </>
          )
        }
        onChange={(_page, _filters, sorter) => sortBy(sorter)}
        acts={
          who.mayWrite
            ? (f) =>
                f.type === 'file' &&
                (f.state === 'stub' || f.state === 'archived') && (
                  <Button
                    size="small"
                    loading={!!busy(f)}
                    onClick={() => act.mutate({ act: 'recall', files: [f] })}
                  >
                    <Trans>Recall</Trans>
                  </Button>
                )
            : undefined
        }
        columns={[
          {
            key: 'name',
            title: t`Name`,
            width: 340,
            ellipsis: true,
            sorter: true,
            sortOrder: sorted('name'),
            render: (_, f) => (
              <Name
                file={f}
                text={visible(recursive ? f.path : f.name)}
                onFolder={() => open(placeOf(f))}
                onFile={() => setDetails(placeOf(f))}
              />
            ),
          },
          {
            key: 'size',
            title: t`Size`,
            width: 110,
            align: 'right',
            sorter: true,
            sortOrder: sorted('size'),
            render: (_, f) =>
              f.type === 'folder' ? f.bytes !== undefined ? <Size n={f.bytes} /> : null : <Size n={f.size} />,
          },
          {
            title: t`On disk`,
            width: 110,
            align: 'right',
            render: (_, f) =>
              f.type === 'folder' ? (
                f.files !== undefined ? (
                  <span className="sub num">{counted(f.files, 'file')}</span>
                ) : null
              ) : (
                <Size n={f.allocated} />
              ),
          },
          {
            key: 'mtime',
            title: t`Modified`,
            width: 140,
            sorter: true,
            sortOrder: sorted('mtime'),
            render: (_, f) => <When at={f.mtime_at} none={t`not known`} />,
          },
          {
            key: 'accessed',
            title: t`Accessed`,
            width: 140,
            sorter: true,
            sortOrder: sorted('accessed'),
            render: (_, f) => (f.type === 'folder' ? null : <When at={f.accessed_at} none={t`not known`} />),
          },
          {
            title: t`State`,
            width: 110,
            render: (_, f) =>
              f.type === 'folder' ? null : <State of={busy(f) ? DOING[busy(f)!.act] : f.state} />,
          },
        ]}
      />
      {details && (
        <Details
          volume={id}
          place={details}
          logs={v?.kind === 'lucidlink'}
          onClose={() => setDetails(undefined)}
        />
      )}
    </Page>
  );
}
