// What a plan says: numbers, why files stay, where they lie, which they are.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Alert, Button, Card, Grid, Skeleton, Table } from 'antd';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import type { FileEntry, Schemas } from '../api/client';
import type { Plan as Whole } from '../api/calls';
import { counted } from '../lib/counted';
import { bytes, count, duration } from '../lib/format';
import { words } from '../lib/words';
import { keyOf, type Place, placeOf, visible } from '../lib/path';
import { explain } from '../lib/reasons';
import { useWho } from '../lib/session';
import type { Column } from './histogram';
import { Bars, LOCAL, Size, State, TIERED, To, WARN, When } from './parts';
import { NameOf } from './pick';
import { HeldBack } from './record';

/** The whole one, or the short one of a preview. */
type Plan = Schemas['Plan'] | Whole;
type AgeBucket = Pick<Schemas['AgeBucket'], 'from_s' | 'to_s'>;
type Bucket = Pick<Schemas['SizeBucket'], 'from' | 'to'>;

const Histogram = lazy(() => import('./histogram'));

export interface Figure {
  k: string;
  v: ReactNode;
  s?: ReactNode;
}

export function Tiles({ tiles }: { tiles: Figure[] }) {
  return (
    <div className={tiles.length === 6 ? 'tiles six' : 'tiles'}>
      {tiles.map(({ k, v, s }) => (
        <Card key={k} className="tile" size="small">
          <div className="k">{k}</div>
          <div className="v">{v}</div>
          {s !== undefined && <div className="s">{s}</div>}
        </Card>
      ))}
    </div>
  );
}

const DAY = 86_400;
/** "90 days" of seconds, as histograms name their ends. */
function ageText(s: number): string {
  const d = Math.round(s / DAY);
  if (s < DAY) return `${Math.round(s / 3600)} h`;
  const [y, mo, w] = [d / 365, d / 30, d / 7];
  if (d % 365 === 0) return t({ message: `${y} y`, comment: 'years, short' });
  if (d % 30 === 0) return t({ message: `${mo} mo`, comment: 'months, short' });
  if (d % 7 === 0 && d < 30) return t({ message: `${w} w`, comment: 'weeks, short' });
  return t({ message: `${d} d`, comment: 'days, short' });
}
export const ageName = (b: AgeBucket) =>
  // No begin: a time that has not come yet.
  b.from_s === null
    ? t`in the future`
    : b.to_s === null
      ? `> ${ageText(b.from_s)}`
      : b.from_s <= 0
        ? `< ${ageText(b.to_s)}`
        : `${ageText(b.from_s)}–${ageText(b.to_s)}`;
/** What an axis has room for: where the column begins. */
export const ageShort = (b: AgeBucket) =>
  b.from_s === null ? '<0' : b.from_s <= 0 ? '0' : ageText(b.from_s);
export const sizeName = (b: Bucket) =>
  b.to === null
    ? `≥ ${bytes(b.from, 'binary')}`
    : !b.from
      ? `< ${bytes(b.to, 'binary')}`
      : `${bytes(b.from, 'binary')}–${bytes(b.to, 'binary')}`;
export const sizeShort = (b: Bucket) => (!b.from ? '0' : bytes(b.from, 'binary'));

/** A histogram in a card, with the same in words for those who see no picture. */
export function Chart({
  title,
  rows,
  names = [t`data`],
  colors = [LOCAL],
  empty = t`There is nothing to draw.`,
}: {
  title: string;
  rows: Column[];
  names?: [string, string?];
  colors?: [string, string?];
  empty?: string;
}) {
  const any = rows.some((r) => r.a || r.b);
  return (
    <Card
      size="small"
      title={title}
      extra={
        names[1] && any ? (
          <span className="legend" style={{ margin: 0 }}>
            {names.map((n, i) => (
              <span key={n}>
                <span className="dot" style={{ background: colors[i] }} />
                {n}
              </span>
            ))}
          </span>
        ) : undefined
      }
    >
      {any ? (
        <Suspense fallback={<Skeleton active title={false} paragraph={{ rows: 6 }} />}>
          <Histogram rows={rows} label={title} names={names} colors={colors} unit="bytes" />
        </Suspense>
      ) : (
        <span className="sub">{empty}</span>
      )}
    </Card>
  );
}

export function GroupBars({
  groups,
  color,
  none,
}: {
  groups: Schemas['PlanGroup'][];
  color?: string;
  none: string;
}) {
  if (groups.length === 0)
    return (
      <span className="sub">
        <Trans>There is nothing to show.</Trans>
      </span>
    );
  return (
    <Bars
      color={color}
      rows={groups.slice(0, 10).map((g) => ({
        key: g.name,
        name: <span className="mono">{visible(g.name) || none}</span>,
        value: g.bytes,
        text: `${bytes(g.bytes)} · ${counted(g.files, 'file')}`,
      }))}
    />
  );
}

/** Files of a plan or a figure, each with the way to why it is so. */
export function FilesTable({
  files,
  volume,
  half,
}: {
  files: (FileEntry & { volume_id?: string })[];
  /** Of all of them; else each tells its own. */
  volume?: string;
  /** Where there is half the width only. */
  half?: boolean;
}) {
  const who = useWho();
  const wide = Grid.useBreakpoint().md ?? true;
  const why = (p: Place) => (p.b64 ? { path_b64: p.b64 } : { path: p.path });
  const [shown, setShown] = useState(10);
  const key = (f: FileEntry & { volume_id?: string }) => (f.volume_id ?? '') + keyOf(f);
  const path = (f: FileEntry & { volume_id?: string }) => {
    const on = volume ?? f.volume_id;
    if (!on) return visible(f.path);
    return (
      <>
        <To path={`/volumes/${on}/why`} more={why(placeOf(f))}>
          {visible(f.path)}
        </To>
        {!volume && (
          <div className="sub">
            <NameOf noun="volumes" id={on} customer={who.customer} />
          </div>
        )}
      </>
    );
  };
  if (files.length === 0)
    return (
      <p className="sub nofile">
        <Trans>There is no file to show.</Trans>
      </p>
    );
  if (!wide)
    return (
      <>
        <ul className="cards" aria-label={t`Files`}>
          {files.slice(0, shown).map((f) => (
            <li key={key(f)}>
              <div className="mono" style={{ overflowWrap: 'anywhere' }}>
                {path(f)}
              </div>
              <div className="brief">
                <Trans>
                  <Size n={f.size} /> · accessed <When at={f.accessed_at} none={t`at a time not known`} />
                </Trans>{' '}
                <State of={f.state} />
              </div>
            </li>
          ))}
        </ul>
        {files.length > shown && (
          <Button type="link" onClick={() => setShown(shown + 20)}>
            <Trans>Show more</Trans>
          </Button>
        )}
      </>
    );
  return (
    <Table
      size="small"
      rowKey={key}
      dataSource={files}
      pagination={{ pageSize: 10, hideOnSinglePage: true, showSizeChanger: false }}
      scroll={{ x: 'max-content' }}
      columns={[
        {
          title: t`Path`,
          render: (_, f) => <span className={half ? 'mono path half' : 'mono path'}>{path(f)}</span>,
        },
        { title: t`Size`, align: 'right', render: (_, f) => <Size n={f.size} /> },
        { title: t`Accessed`, render: (_, f) => <When at={f.accessed_at} none={t`not known`} /> },
        ...(half
          ? []
          : [
              {
                title: t`Modified`,
                render: (_: unknown, f: FileEntry) => <When at={f.mtime_at} none={t`not known`} />,
              },
              { title: t`State`, render: (_: unknown, f: FileEntry) => <State of={f.state} /> },
            ]),
      ]}
    />
  );
}

export function PlanSays({ plan, volume, more }: { plan: Plan; volume?: string; more?: ReactNode }) {
  const took = plan.took_ms < 1000 ? `${Math.max(1, Math.round(plan.took_ms))} ms` : duration(plan.took_ms);
  return (
    <>
      <HeldBack plan={plan} volume={volume} />
      <p className="sub">
        {plan.as_of_at ? (
          <Trans>
            By what a scan or an import told <When at={plan.as_of_at} />, worked out in {took}.
          </Trans>
        ) : (
          <Trans>Not scanned yet: as an import tells, worked out in {took}.</Trans>
        )}{' '}
        <Trans>Every file is looked at again before it is moved.</Trans> {more}
      </p>
      {plan.files === 0 && (
        <Alert
          type="info"
          showIcon
          title={t`No file would be touched`}
          description={t`Nothing matches, or what matches is refused or decided by a rule before.`}
          style={{ marginBottom: 16 }}
        />
      )}
    </>
  );
}

export function Refusals({ plan }: { plan: Plan }) {
  return (
    <Card size="small" title={t`Left where they are`}>
      {plan.refusals.length ? (
        <Bars
          color={WARN}
          rows={plan.refusals.map((r) => ({
            key: r.reason,
            name: words(r.reason),
            more: (
              <>
                {explain(r.reason)}
                {'sample' in r && r.sample && (
                  <div className="mono">
                    <Trans>such as {visible(r.sample)}</Trans>
                  </div>
                )}
              </>
            ),
            value: r.files,
            text: `${counted(r.files, 'file')} · ${bytes(r.bytes)}`,
          }))}
        />
      ) : (
        <span className="sub">
          <Trans>None of the matching files is refused.</Trans>
        </span>
      )}
    </Card>
  );
}

export function Folders({ plan, onOpen }: { plan: Plan; onOpen?: (folder: Place) => void }) {
  return (
    <Card size="small" title={t`Top folders`}>
      {plan.folders.length ? (
        <Bars
          color={TIERED}
          rows={plan.folders.slice(0, 10).map((f) => ({
            key: f.path_b64 ?? f.path,
            name: onOpen ? (
              <Button
                type="link"
                className="mono folder"
                onClick={() => onOpen({ path: f.path, b64: f.path_b64 })}
              >
                {visible(f.path)}
              </Button>
            ) : (
              <span className="mono">{visible(f.path)}</span>
            ),
            value: f.bytes,
            text: `${bytes(f.bytes)} · ${counted(f.files, 'file')}`,
          }))}
        />
      ) : (
        <span className="sub">
          <Trans>No folder has any.</Trans>
        </span>
      )}
    </Card>
  );
}

/** The short form: beside the editor of a rule. */
export function PlanPanel({ plan, volume }: { plan: Plan; volume?: string }) {
  return (
    <>
      <Tiles
        tiles={[
          { k: t`Files`, v: count(plan.files) },
          { k: t`Data`, v: bytes(plan.bytes) },
          { k: t`Frees`, v: bytes(plan.freed_bytes) },
        ]}
      />
      <PlanSays plan={plan} volume={volume} />
      <div className="two">
        {plan.folders.length > 0 && <Folders plan={plan} />}
        <Refusals plan={plan} />
      </div>
      {plan.sample.length > 0 && (
        <Card
          size="small"
          title={plan.sample.length < plan.files ? t`${count(plan.sample.length)} of them` : t`These`}
          styles={{ body: { padding: 0 } }}
        >
          <FilesTable files={plan.sample} volume={volume} />
        </Card>
      )}
    </>
  );
}
