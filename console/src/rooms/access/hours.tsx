// When files are used: by day and hour, or by the days of the week, as the reader's clock goes.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { ClockCircleOutlined } from '@ant-design/icons';
import { Card, Segmented, Skeleton } from 'antd';
import { useMemo } from 'react';
import { periodOf, useHours } from '../../api/access';
import { counted } from '../../lib/counted';
import { count, dateText, ownZone, shownZone } from '../../lib/format';
import { clock, type HeatBy, heatOf, type HourSum, sum } from '../../lib/heat';
import { type Place, visible } from '../../lib/path';
import { useAddress } from '../../lib/session';
import { Heat, HeatTable } from '../../ui/heat';
import { Failed } from '../../ui/parts';
import { Trail } from '../../ui/trail';
import { Periods } from './busiest';
import { NoAccess } from './parts';

/** The same in a sentence, for those who see no map. */
function Summary({ hours }: { hours: HourSum[] }) {
  const all = hours.reduce((n, h) => ({ reads: n.reads + h.reads, writes: n.writes + h.writes }), {
    reads: 0,
    writes: 0,
  });
  const top = hours.reduce((a, b) => (sum(b) > sum(a) ? b : a));
  const at = Date.parse(top.at);
  return (
    <p style={{ marginTop: 0 }}>
      <Trans>
        {counted(all.reads, 'read')} and {counted(all.writes, 'write')} in {counted(hours.length, 'hour')}{' '}
        with any; the busiest was {dateText(at, 'weekdayLong')}, {clock(at)}, with {count(sum(top))}.
      </Trans>
    </p>
  );
}

export default function Hours({ volume }: { volume: string }) {
  const [search, change] = useAddress();
  const period = periodOf(search.get('period'));
  const folder: Place = { path: search.get('folder') ?? '/', b64: search.get('folder_b64') ?? undefined };
  const by: HeatBy = search.get('rows') === 'weekday' ? 'weekday' : 'day';
  const table = search.get('as') === 'table';
  const hours = useHours(volume, folder, period);
  const data = hours.data;
  const rows = useMemo(
    () => (data ? heatOf(data.items, Date.parse(data.from_at), Date.parse(data.to_at), by) : []),
    [data, by],
  );
  const zone = shownZone() ?? ownZone();
  const what = by === 'day' ? t`Accesses by day and hour` : t`Accesses by day of the week and hour`;
  const label = folder.path === '/' ? `${what}, ${zone}` : t`${what} below ${visible(folder.path)}, ${zone}`;
  const open = (f: Place) =>
    change({ folder: f.path === '/' ? undefined : f.path, folder_b64: f.path === '/' ? undefined : f.b64 });
  return (
    <>
      <div className="bar">
        <Periods />
        <Segmented
          aria-label={t`Rows`}
          value={by}
          options={[
            { value: 'day', label: t`Each day` },
            { value: 'weekday', label: t`Days of the week` },
          ]}
          onChange={(v) => change({ rows: v === 'weekday' ? 'weekday' : undefined })}
        />
        <Segmented
          aria-label={t`Shown as`}
          value={table ? 'table' : 'map'}
          options={[
            { value: 'map', label: t`Map` },
            { value: 'table', label: t`Table` },
          ]}
          onChange={(v) => change({ as: v === 'table' ? 'table' : undefined })}
        />
      </div>
      {folder.path !== '/' && <Trail folder={folder} root={t`the whole volume`} onOpen={open} />}
      {hours.error && !data ? (
        <Failed error={hours.error} retry={() => void hours.refetch()} />
      ) : !data ? (
        <Card aria-busy="true" role="status" aria-label={t`Loading accesses by hour`}>
          <Skeleton active title={false} paragraph={{ rows: 8 }} />
        </Card>
      ) : data.items.length === 0 ? (
        <Card>
          <NoAccess
            icon={<ClockCircleOutlined />}
            whole={folder.path === '/'}
            open={open}
            command="alto access hours VOLUME"
          />
        </Card>
      ) : (
        <Card size="small" title={t`When files are used`} extra={<span className="sub">{zone}</span>}>
          <Summary hours={data.items} />
          {table ? (
            <HeatTable rows={rows} label={label} />
          ) : (
            <Heat
              rows={rows}
              label={
                by === 'day'
                  ? t`${label}; arrow keys move, Enter shows what was used in the hour`
                  : t`${label}; arrow keys move`
              }
              onOpen={
                by === 'day'
                  ? (cell) =>
                      change({
                        tab: 'busiest',
                        hour: new Date(cell.hours[0]!).toISOString(),
                        rows: undefined,
                      })
                  : undefined
              }
            />
          )}
        </Card>
      )}
    </>
  );
}
