// The latest accesses, as they come in: of all, or of one file, folder, person, host or kind.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { EyeOutlined, PauseOutlined, CaretRightOutlined } from '@ant-design/icons';
import { Alert, AutoComplete, Button, Card, Input, Select } from 'antd';
import { use, useEffect, useRef, useState } from 'react';
import { type Access, type AccessKind, type AccessRow, useKnown } from '../../api/access';
import type { List } from '../../api/data';
import { counted } from '../../lib/counted';
import { ago, count, span } from '../../lib/format';
import { type Place, visible } from '../../lib/path';
import { LiveContext, useAddress } from '../../lib/session';
import { ROWS_MAX } from '../../lib/stream';
import { stateOf } from '../../ui/accessstate';
import { Failed, Nothing } from '../../ui/parts';
import { DataTable } from '../../ui/table';
import { type Filter, type Following, useFollowing } from './follow';
import { Accesses, Clock, InFiles, ToWhy, Who } from './parts';

export const KINDS = (): Record<AccessKind, string> => ({
  used: t`read or written`,
  create: t`created`,
  move: t`moved or renamed`,
  delete: t`deleted`,
  folder_delete: t`folder deleted`,
  pin: t`pinned`,
  unpin: t`unpinned`,
});
const TAGS: Record<AccessKind, string> = {
  used: '',
  create: 'good',
  move: 'busy',
  delete: 'bad',
  folder_delete: 'bad',
  pin: 'pin',
  unpin: '',
};
/** Between what can be seen of a name and its bytes, where two names may look alike. */
const BYTES = '\u0000';
const LATE_S = 300; // a row that came later than this after what it tells of says so

/** "3 reads, 1 write" where it was used; else what was done. */
function What({ row }: { row: AccessRow }) {
  const uses = [
    row.reads > 0 && counted(row.reads, 'read'),
    row.writes > 0 && counted(row.writes, 'write'),
  ].filter(Boolean);
  if (row.kind === 'used')
    return <span className={row.writes > 0 ? 'tag warn' : 'tag'}>{uses.join(', ') || t`used`}</span>;
  return <span className={`tag ${TAGS[row.kind]}`}>{KINDS()[row.kind]}</span>;
}

function Person({ row, volume }: { row: AccessRow; volume: string }) {
  return (
    <div className="stacked">
      <Who volume={volume} as="user" name={row.user} b64={row.user_b64} />
      {row.host && (
        <div className="sub">
          <Who volume={volume} as="host" name={row.host} b64={row.host_b64} />
        </div>
      )}
    </div>
  );
}

function Path({ row, volume, own }: { row: AccessRow; volume: string; own: boolean }) {
  const place: Place = { path: row.path, b64: row.path_b64 };
  const target: Place | undefined =
    row.target !== undefined ? { path: row.target, b64: row.target_b64 } : undefined;
  return (
    <div className="mono path">
      {own ? visible(row.path) : <Accesses volume={volume} place={place} />}
      {target && (
        <>
          {' → '}
          <Accesses volume={volume} place={target} />
        </>
      )}
    </div>
  );
}

const lateBy = (row: AccessRow): number => (Date.parse(row.arrived_at) - Date.parse(row.at)) / 1000;

function At({ row }: { row: AccessRow }) {
  const late = lateBy(row);
  return (
    <>
      <Clock at={row.at} />
      {late > LATE_S && (
        <div className="sub">
          <Trans>told {span(late)} later</Trans>
        </div>
      )}
    </>
  );
}

/** One of those that there are, or what is typed: exactly this one. A name whose bytes are no text can be chosen alone. */
function Exactly({
  volume,
  by,
  name,
  b64,
}: {
  volume: string;
  by: 'user' | 'host';
  name?: string;
  b64?: string;
}) {
  const [, change] = useAddress();
  const value = b64 ? visible(textOf(b64)) : (name ?? '');
  const [text, setText] = useState(value);
  const [open, setOpen] = useState(false);
  const moved = useRef(false); // among what is offered: then Enter takes what it is on, else what is typed
  const known = useKnown(volume, by, open);
  useEffect(() => setText(value), [value]);
  const label = by === 'user' ? t`Person` : t`Host`;
  const pick = (to?: string, bytes?: string) =>
    change({ [by]: bytes ? undefined : to, [`${by}_b64`]: bytes });
  const typed = () => text !== value && pick(text.trim() || undefined);
  const fits = (known.data?.items ?? []).filter(
    (i) => i.what && i.what.toLowerCase().includes(text.toLowerCase()),
  );
  return (
    <AutoComplete
      allowClear
      aria-label={label}
      style={{ width: 230, maxWidth: '100%' }}
      placeholder={t`${label}, exactly`}
      value={text}
      options={fits.slice(0, 50).map((i) => ({
        key: i.what_b64 ?? i.what,
        value: i.what_b64 ? `${visible(i.what)} ${BYTES}${i.what_b64}` : i.what,
        label: visible(i.what),
        b64: i.what_b64,
      }))}
      onFocus={() => setOpen(true)}
      onSearch={() => {
        moved.current = false;
      }}
      defaultActiveFirstOption={false}
      onChange={(v: string | undefined) => {
        // What is chosen tells itself: the field shows what there is to be seen of it.
        if (!v?.includes(BYTES)) setText(v ?? '');
        if (!v) pick(undefined);
      }}
      onSelect={(v: string | undefined, option: { b64?: string }) => {
        setText(option.b64 ? visible(textOf(option.b64)) : (v ?? ''));
        pick(v, option.b64);
      }}
      onBlur={typed}
      onKeyDown={(e) => {
        if (e.key === 'ArrowDown' || e.key === 'ArrowUp') moved.current = true;
        else if (e.key === 'Enter' && !moved.current)
          pick(...(text === value ? [name, b64] : [text.trim() || undefined]));
      }}
    />
  );
}

function Picks({ volume, filter, shown }: { volume: string; filter: Filter; shown?: string }) {
  const [, change] = useAddress();
  const any = Object.values(filter).some(Boolean);
  const toPath = (text: string) => {
    const path = text.trim();
    // What is shown may stand for bytes that nobody can type.
    if (path === (shown ?? '')) return;
    const whole = path && (path.startsWith('/') ? path : `/${path}`);
    change({ path: whole && whole !== '/' ? whole : undefined, path_b64: undefined });
  };
  return (
    <div className="bar picks">
      <Input.Search
        key={shown}
        allowClear
        data-search=""
        className="first"
        style={{ width: 340, maxWidth: '100%' }}
        aria-label={t`File or folder`}
        placeholder={t`File, or all below a folder`}
        defaultValue={shown}
        onSearch={toPath}
      />
      <Exactly volume={volume} by="user" name={filter.user} b64={filter.user_b64} />
      <Exactly volume={volume} by="host" name={filter.host} b64={filter.host_b64} />
      <Select
        allowClear
        aria-label={t`Kind`}
        placeholder={t`Any kind`}
        style={{ width: 170 }}
        value={filter.kind}
        onChange={(kind?: AccessKind) => change({ kind })}
        options={Object.entries(KINDS()).map(([value, label]) => ({ value, label }))}
      />
      {any && (
        <Button
          type="link"
          onClick={() =>
            change({
              path: undefined,
              path_b64: undefined,
              user: undefined,
              user_b64: undefined,
              host: undefined,
              host_b64: undefined,
              kind: undefined,
            })
          }
        >
          <Trans>Show all</Trans>
        </Button>
      )}
    </div>
  );
}

/** Whether it follows, and how fresh what is shown is. */
function Freshness({ f, access }: { f: Following; access?: Access }) {
  const live = use(LiveContext);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const newest = f.stream.rows[0]?.arrived_at;
  const ends = access && stateOf(access) !== 'live' && stateOf(access) !== 'incomplete';
  const asOf = f.asOf ? ago(new Date(f.asOf).toISOString(), now) : '';
  const [tag, word, text] = f.paused
    ? [
        'warn',
        t`paused`,
        f.held > 0 ? t`${counted(f.held, 'access')} of all came meanwhile` : t`nothing came meanwhile`,
      ]
    : f.error
      ? ['bad', t`interrupted`, t`shown is what was known ${asOf}; it is asked again every 5 seconds`]
      : live !== 'live'
        ? ['warn', t`without live events`, t`it is asked for every 5 seconds instead`]
        : ends
          ? [
              'warn',
              access.told_at ? t`nothing more comes` : t`nothing comes yet`,
              access.told_at ? t`the host told ${ago(access.told_at, now)}` : t`the host told nothing yet`,
            ]
          : ['good', t`following`, newest ? t`the last came ${ago(newest, now)}` : t`nothing came yet`];
  return (
    <div className="bar" style={{ marginBottom: 12 }}>
      <Button
        icon={f.paused ? <CaretRightOutlined aria-hidden /> : <PauseOutlined aria-hidden />}
        onClick={() => f.setPaused(!f.paused)}
      >
        {f.paused ? (f.held > 0 ? t`Go on, ${count(f.held)} waiting` : t`Go on`) : t`Pause`}
      </Button>
      <span>
        <span className={`tag ${tag}`}>{word}</span> <span className="sub">{text}</span>
      </span>
    </div>
  );
}

function Rows({ volume, filter, access }: { volume: string; filter: Filter; access?: Access }) {
  const f = useFollowing(volume, filter);
  const { rows, gaps } = f.stream;
  const list: List<AccessRow> = {
    items: rows,
    pending: f.pending,
    error: rows.length === 0 && f.asOf === 0 ? f.error : null,
    retry: f.retry,
    more: f.more,
    moreBusy: f.moreBusy,
  };
  const picked = Object.values(filter).some(Boolean);
  const own = (row: AccessRow) =>
    filter.path_b64 ? row.path_b64 === filter.path_b64 : row.path === filter.path;
  const cutHere = (row: AccessRow) => gaps.includes(row.number);
  return (
    <>
      {!list.error && <Freshness f={f} access={access} />}
      {f.error && !list.error && <Failed error={f.error} retry={f.retry} />}
      <DataTable
        list={list}
        what="accesses"
        size="small"
        rowKey="number"
        rowClassName={(row) => (cutHere(row) ? 'gap' : '')}
        empty={
          <Nothing
            icon={<EyeOutlined />}
            title={picked ? t`None of the latest fits` : t`No access was told of yet`}
            text={
              picked
                ? t`The last 10,000 accesses of the volume are kept. New ones appear here as they come.`
                : t`As soon as somebody reads or writes a file of this filespace, it appears here by itself.`
            }
            command={picked ? undefined : 'alto access follow VOLUME'}
          />
        }
        brief={(row) => (
          <>
            <What row={row} /> <Clock at={row.at} /> ·{' '}
            <Who volume={volume} as="user" name={row.user} b64={row.user_b64} />
            {lateBy(row) > LATE_S && (
              <>
                {' · '}
                <Trans>told {span(lateBy(row))} later</Trans>
              </>
            )}
            {cutHere(row) && (
              <div>
                <Trans>Below this more came at once than is shown.</Trans>
              </div>
            )}
          </>
        )}
        columns={[
          {
            title: t`File`,
            render: (_, row) => (
              <>
                <Path row={row} volume={volume} own={own(row)} />
                {cutHere(row) && (
                  <div className="sub">
                    <Trans>Below this more came at once than is shown.</Trans>
                  </div>
                )}
              </>
            ),
          },
          { title: t`When`, width: 130, render: (_, row) => <At row={row} /> },
          { title: t`What`, width: 150, render: (_, row) => <What row={row} /> },
          { title: t`Who`, width: 240, render: (_, row) => <Person row={row} volume={volume} /> },
        ]}
      />
      {rows.length >= ROWS_MAX && (
        <p className="sub">
          <Trans>{count(ROWS_MAX)} are shown at most: pick a file, person or kind to see further back.</Trans>
        </p>
      )}
    </>
  );
}

/** What is looked at when it is one file or folder, with the ways on. */
function Of({ volume, place }: { volume: string; place: Place }) {
  return (
    <Card size="small" style={{ marginBottom: 12 }}>
      <div className="bar" style={{ margin: 0 }}>
        <b className="mono" style={{ overflowWrap: 'anywhere' }}>
          {visible(place.path)}
        </b>
        <ToWhy volume={volume} place={place} />
        <InFiles volume={volume} place={place} />
      </div>
    </Card>
  );
}

export default function Latest({ volume, access }: { volume: string; access?: Access }) {
  const [search] = useAddress();
  const get = (name: string) => search.get(name) || undefined;
  const kind = get('kind');
  const b64 = get('path_b64');
  const filter: Filter = {
    path: b64 ? undefined : get('path'),
    path_b64: b64,
    user: get('user_b64') ? undefined : get('user'),
    user_b64: get('user_b64'),
    host: get('host_b64') ? undefined : get('host'),
    host_b64: get('host_b64'),
    kind: kind && kind in KINDS() ? (kind as AccessKind) : undefined,
  };
  const path = b64 ? textOf(b64) : filter.path;
  const shown = path === undefined ? undefined : visible(path);
  const far = access && access.last_number > 10_000;
  return (
    <>
      <Picks volume={volume} filter={filter} shown={shown} />
      {path !== undefined && <Of volume={volume} place={{ path, b64 }} />}
      {far && Object.values(filter).some(Boolean) && (
        <Alert
          type="info"
          style={{ marginBottom: 12 }}
          title={t`Picked from the last 10,000 accesses of the volume; sums of the last 90 days stand under Busiest.`}
        />
      )}
      <Rows key={JSON.stringify(filter)} volume={volume} filter={filter} access={access} />
    </>
  );
}

/** Bytes of a path or name as text, for people. */
function textOf(b64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(b64), (c) => c.charCodeAt(0)));
  } catch {
    return b64;
  }
}
