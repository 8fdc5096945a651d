// Which files, folders, people and hosts were used most in a time, each leading on to what it did.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { BarChartOutlined } from '@ant-design/icons';
import { Button, Segmented } from 'antd';
import { type AccessBy, type AccessSum, hourOf, type Period, periodOf, useTop } from '../../api/access';
import type { List } from '../../api/data';
import { counted, type Listed } from '../../lib/counted';
import { count, dateText, local } from '../../lib/format';
import { clock, sum } from '../../lib/heat';
import type { Place } from '../../lib/path';
import { useAddress } from '../../lib/session';
import { LOCAL, When } from '../../ui/parts';
import { DataTable } from '../../ui/table';
import { Trail } from '../../ui/trail';
import { Accesses, InFiles, NoAccess, ToWhy, Who } from './parts';

const BY = (): { value: AccessBy; label: string; what: Listed }[] => [
  { value: 'file', label: t`Files`, what: 'files' },
  { value: 'folder', label: t`Folders`, what: 'folders' },
  { value: 'user', label: t`People`, what: 'people' },
  { value: 'host', label: t`Hosts`, what: 'hosts' },
];
const STEPS = [20, 100, 1000];

export function Periods() {
  const [search, change] = useAddress();
  return (
    <Segmented<Period>
      aria-label={t`Time shown`}
      value={periodOf(search.get('period'))}
      options={[
        { value: 'day', label: t`24 hours` },
        { value: 'week', label: t`7 days` },
        { value: 'month', label: t`30 days` },
        { value: 'quarter', label: t`90 days` },
      ]}
      onChange={(p) => change({ period: p === 'week' ? undefined : p, hour: undefined })}
    />
  );
}

function Name({ volume, by, of }: { volume: string; by: AccessBy; of: AccessSum }) {
  if (by === 'user' || by === 'host') return <Who volume={volume} as={by} name={of.what} b64={of.what_b64} />;
  return (
    <span className="mono path">
      <Accesses volume={volume} place={{ path: of.what || '/', b64: of.what_b64 }} />
    </span>
  );
}

function Bar({ n, most }: { n: number; most: number }) {
  return (
    <div className="split" aria-hidden="true" style={{ minWidth: 80 }}>
      <i style={{ width: `${most > 0 ? Math.max(1, (100 * n) / most) : 0}%`, background: LOCAL }} />
    </div>
  );
}

export default function Busiest({ volume }: { volume: string }) {
  const [search, change] = useAddress();
  const by = BY().find((b) => b.value === search.get('by')) ?? BY()[0]!;
  const period = periodOf(search.get('period'));
  const hour = hourOf(search.get('hour'));
  const folder: Place = { path: search.get('folder') ?? '/', b64: search.get('folder_b64') ?? undefined };
  const step = Math.min(STEPS.length, Math.max(1, Math.floor(Number(search.get('pages'))) || 1)) - 1;
  const top = useTop(volume, by.value, folder, period, hour, STEPS[step]!);
  const items = top.data?.items ?? [];
  const list: List<AccessSum> = {
    items,
    pending: top.isPending,
    error: top.data ? null : top.error,
    retry: () => void top.refetch(),
    more:
      items.length >= STEPS[step]! && step + 1 < STEPS.length
        ? () => change({ pages: String(step + 2) })
        : undefined,
    moreBusy: top.isPlaceholderData,
  };
  const most = items.reduce((n, i) => Math.max(n, sum(i)), 0);
  const paths = by.value === 'file' || by.value === 'folder';
  const open = (f: Place) =>
    change({ folder: f.path === '/' ? undefined : f.path, folder_b64: f.path === '/' ? undefined : f.b64 });
  return (
    <>
      <div className="bar">
        <Segmented
          aria-label={t`What is summed up`}
          value={by.value}
          options={BY().map(({ value, label }) => ({ value, label }))}
          onChange={(v) => change({ by: v === 'file' ? undefined : v })}
        />
        {hour === undefined ? (
          <Periods />
        ) : (
          <Button onClick={() => change({ hour: undefined })} title={local(new Date(hour).toISOString())}>
            {dateText(hour, 'weekday')}, {clock(hour)} ✕
            <span className="sr">
              {' '}
              <Trans>(show the whole time again)</Trans>
            </span>
          </Button>
        )}
      </div>
      {folder.path !== '/' && <Trail folder={folder} root={t`the whole volume`} onOpen={open} />}
      <DataTable
        list={list}
        what={by.what}
        size="small"
        rowKey={(i) => `${i.what_b64 ?? ''} ${i.what}`}
        empty={
          <NoAccess
            icon={<BarChartOutlined />}
            whole={folder.path === '/'}
            open={open}
            command="alto access top VOLUME"
          />
        }
        acts={
          paths
            ? (i) => {
                const place = { path: i.what || '/', b64: i.what_b64 };
                return (
                  <span className="links">
                    {by.value === 'folder' ? (
                      <Button type="link" size="small" className="inline" onClick={() => open(place)}>
                        <Trans>Into</Trans>
                      </Button>
                    ) : (
                      <ToWhy volume={volume} place={place} />
                    )}
                    <InFiles volume={volume} place={place} folder={by.value === 'folder'} />
                  </span>
                );
              }
            : undefined
        }
        brief={(i) => (
          <>
            {counted(i.reads, 'read')}, {counted(i.writes, 'write')}
            {by.value !== 'file' && (
              <>
                {' '}
                <Trans>of {counted(i.files, 'file')}</Trans>
              </>
            )}{' '}
            · <When at={i.last_at} none={t`not known`} />
            <div style={{ marginTop: 6 }}>
              <Bar n={sum(i)} most={most} />
            </div>
          </>
        )}
        columns={[
          {
            title: { file: t`File`, folder: t`Folder`, user: t`Person`, host: t`Host` }[by.value],
            render: (_, i) => <Name volume={volume} by={by.value} of={i} />,
          },
          {
            title: (
              <span className="sr">
                <Trans>Share of the busiest</Trans>
              </span>
            ),
            width: 160,
            render: (_, i) => <Bar n={sum(i)} most={most} />,
          },
          {
            title: t`Reads`,
            width: 90,
            align: 'right',
            render: (_, i) => <span className="num">{count(i.reads)}</span>,
          },
          {
            title: t`Writes`,
            width: 90,
            align: 'right',
            render: (_, i) => <span className="num">{count(i.writes)}</span>,
          },
          ...(by.value === 'file'
            ? []
            : [
                {
                  title: t`Files`,
                  width: 90,
                  align: 'right' as const,
                  render: (_: unknown, i: AccessSum) => <span className="num">{count(i.files)}</span>,
                },
              ]),
          { title: t`Last`, width: 130, render: (_, i) => <When at={i.last_at} none={t`not known`} /> },
        ]}
      />
      <p className="sub">
        {by.value === 'folder' && <Trans>A folder’s numbers are of the files in that very folder.</Trans>}{' '}
        <Trans>Paths are those under which files were used. Sums are kept for 90 days.</Trans>
      </p>
    </>
  );
}
