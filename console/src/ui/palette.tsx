// One box for all: go to a room or to anything by its name, or do something. Worked by keys alone.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import {
  CloudServerOutlined,
  DatabaseOutlined,
  EnterOutlined,
  FileOutlined,
  FilterOutlined,
  HddOutlined,
  TeamOutlined,
  ThunderboltOutlined,
  UnorderedListOutlined,
  UserOutlined,
} from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { App, Spin } from 'antd';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useLocation, useNavigate, useSearchParams } from 'react-router';
import { api, must, sayFailure } from '../api/client';
import { useNamed } from '../api/data';
import { type Hit, type HitKind, searchAll } from '../api/search';
import { counted } from '../lib/counted';
import { parentOf, placeOf, visible } from '../lib/path';
import { setPrefs } from '../lib/prefs';
import { type Recent, recents, remember } from '../lib/recent';
import { placesOf, type Room } from '../lib/rooms';
import { useTo, useWho, type Who } from '../lib/session';
import { Dialog } from './dialog';
import { nextTimes } from './keys';
import { useLogOut } from './logout';
import { useSettled } from './pick';
import { useSwitch } from './switcher';

interface Option {
  key: string;
  name: string;
  sub?: string;
  icon: ReactNode;
  run: () => void;
  recent?: Recent;
}
interface Section {
  name: string;
  options: Option[];
  /** There are others that fit. */
  more?: boolean;
}
interface Act {
  id: string;
  name: string;
  /** Other words for it. */
  words?: string;
  for?: 'operator' | 'mayWrite' | 'mayUsers';
  run: () => void;
}

const ICONS: Record<HitKind, ReactNode> = {
  customer: <TeamOutlined />,
  host: <CloudServerOutlined />,
  volume: <HddOutlined />,
  share: <DatabaseOutlined />,
  rule: <FilterOutlined />,
  job: <UnorderedListOutlined />,
  user: <UserOutlined />,
  file: <FileOutlined />,
};
const GROUPS = (): Record<HitKind, string> => ({
  customer: t`Customers`,
  host: t`Hosts`,
  volume: t`Volumes`,
  share: t`Shares`,
  rule: t`Rules`,
  job: t`Jobs`,
  user: t`Users`,
  file: t`Files`,
});

/** Where a hit is looked at. */
export function placeOfHit(hit: Hit): [path: string, more?: Record<string, string | undefined>] {
  switch (hit.kind) {
    case 'volume':
      return [`/volumes/${hit.id}/files`];
    case 'rule':
      return [`/rules/${hit.id}`];
    case 'job':
      return [`/jobs/${hit.id}`];
    case 'file': {
      const { volume, ...file } = hit.file!;
      const folder = parentOf(placeOf(file));
      return [
        `/volumes/${volume}/files`,
        {
          path: folder.path === '/' ? undefined : folder.path,
          b64: folder.path === '/' ? undefined : folder.b64,
          open: file.path,
          open_b64: file.path_b64,
        },
      ];
    }
    case 'customer':
      return ['/', { customer: hit.id }];
    default:
      return [`/${hit.kind}s`, { q: hit.name }];
  }
}

/** Every word of what was typed is in it. */
export function fits(typed: string, text: string): boolean {
  const all = text.toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** The volume that is looked at, by the address. */
export function volumeAt(place: string, search: URLSearchParams): string | undefined {
  return /^\/(?:volumes|access)\/([0-9a-z]+)/.exec(place)?.[1] ?? search.get('volume') ?? undefined;
}

function useScan() {
  const { message } = App.useApp();
  const navigate = useNavigate();
  const to = useTo();
  return (id: string) =>
    void must(api.POST('/volumes/{id}/scan', { params: { path: { id } } })).then(
      (job) => void navigate(to(`/jobs/${job.id}`)),
      (error: unknown) => void message.error(sayFailure(error), 6),
    );
}

function useActs(who: Who, onHelp: () => void, volume?: { id: string; name: string }): Act[] {
  const navigate = useNavigate();
  const to = useTo();
  const scan = useScan();
  const logOut = useLogOut();
  const go = (path: string, more?: Record<string, string | undefined>) => void navigate(to(path, more));
  const acts: Act[] = [
    ...(volume
      ? [
          {
            id: `scan ${volume.id}`,
            name: t`Scan ${volume.name} now`,
            for: 'mayWrite' as const,
            run: () => scan(volume.id),
          },
        ]
      : []),
    {
      id: 'rule',
      name: volume ? t`New rule for ${volume.name}` : t`New rule`,
      words: t`add`,
      for: 'mayWrite',
      run: () => go('/rules/new', { volume: volume?.id }),
    },
    {
      id: 'volume',
      name: t`Add volume`,
      words: t`new`,
      for: 'mayWrite',
      run: () => go('/volumes', { do: 'add' }),
    },
    {
      id: 'host',
      name: t`Enrol a host`,
      words: t`add new agent token`,
      for: 'mayWrite',
      run: () => go('/hosts', { do: 'add' }),
    },
    {
      id: 'share',
      name: t`Add share`,
      words: t`new`,
      for: 'mayWrite',
      run: () => go('/shares', { do: 'add' }),
    },
    {
      id: 'import',
      name: t`Import a file`,
      words: t`csv parquet list`,
      for: 'mayWrite',
      run: () => go('/imports/new', { volume: volume?.id }),
    },
    {
      id: 'customer',
      name: t`Add customer`,
      words: t`new`,
      for: 'operator',
      run: () => go('/customers', { do: 'add' }),
    },
    {
      id: 'user',
      name: t`Add user`,
      words: t`new login`,
      for: 'mayUsers',
      run: () => go('/users', { do: 'add' }),
    },
    {
      id: 'dark',
      name: t`Dark colours`,
      words: t`theme appearance night`,
      run: () => setPrefs({ theme: 'dark' }),
    },
    {
      id: 'light',
      name: t`Light colours`,
      words: t`theme appearance`,
      run: () => setPrefs({ theme: 'light' }),
    },
    {
      id: 'system',
      name: t`Colours as the system`,
      words: t`theme appearance`,
      run: () => setPrefs({ theme: 'system' }),
    },
    { id: 'english', name: 'English', words: t`language`, run: () => setPrefs({ language: 'en' }) },
    { id: 'german', name: 'Deutsch', words: t`language`, run: () => setPrefs({ language: 'de' }) },
    { id: 'times', name: t`Times: relative, local or UTC`, words: t`zone clock`, run: nextTimes },
    { id: 'keys', name: t`Show all keys`, words: t`keyboard help shortcuts`, run: onHelp },
    { id: 'out', name: t`Log out`, words: t`leave sign`, run: () => void logOut() },
  ];
  return acts.filter((a) => !a.for || who[a.for]);
}

/** What is offered for what was typed. */
function useSections(typed: string, rooms: Room[], open: boolean, onHelp: () => void) {
  const who = useWho();
  const place = useLocation();
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const to = useTo();
  const change = useSwitch();
  const scan = useScan();
  const chosen = volumeAt(place.pathname, search);
  const volume = useNamed('volumes', open ? chosen : undefined, who.customer);
  const acts = useActs(who, onHelp, volume);
  const text = typed.trim();
  const settled = useSettled(text, 200);
  const scanned = /^scan(?:nen?)?\s+(.+)/i.exec(settled)?.[1];
  const found = useQuery({
    queryKey: ['search', settled, who.customer],
    enabled: open && settled.length > 0,
    staleTime: 10_000,
    queryFn: ({ signal }) => searchAll(scanned ?? settled, who.customer, signal),
  });
  const isOthers = (hit: Hit) =>
    who.operator && who.customer && hit.customer && hit.customer !== who.customer;
  const whereOf = (hit: Hit) =>
    who.operator && hit.kind !== 'customer' && (!who.customer || isOthers(hit)) && hit.of
      ? `${hit.of}: ${hit.where}`
      : hit.where;
  const ofHit = (hit: Hit): Option => ({
    key: `${hit.kind} ${hit.id}`,
    name: visible(hit.name),
    sub: whereOf(hit),
    icon: ICONS[hit.kind],
    recent: { hit, name: hit.name },
    run: () => {
      const [path, more] = placeOfHit(hit);
      if (hit.kind === 'customer') change(hit.id);
      // What is another customer's is looked at as theirs.
      else void navigate(to(path, isOthers(hit) ? { ...more, customer: hit.customer! } : more));
    },
  });
  const ofAct = (a: Act): Option => ({
    key: `act ${a.id}`,
    name: a.name,
    icon: <ThunderboltOutlined />,
    recent: { act: a.id, name: a.name },
    run: a.run,
  });
  const places = placesOf(rooms).map((p): Option & { letter?: string } => ({
    key: `place ${p.path}`,
    name: p.name,
    sub: p.in,
    icon: rooms.find((r) => r.path === p.path || r.name === p.in)?.icon,
    recent: { place: p.path, name: p.name },
    run: () => void navigate(to(p.path)),
  }));
  const sections: Section[] = [];
  if (!text) {
    const last = recents(who.id).flatMap((r): Option[] => {
      // Only what may still be entered or done, and leads elsewhere.
      if ('hit' in r) return [ofHit(r.hit)];
      if ('act' in r) return acts.filter((a) => a.id === r.act).map(ofAct);
      return places.filter((p) => p.key === `place ${r.place}` && r.place !== place.pathname);
    });
    sections.push({ name: t`Recent`, options: last.slice(0, 6) });
    sections.push({ name: t`Do`, options: acts.map(ofAct) });
    sections.push({ name: t`Go to`, options: places });
  } else {
    const hits = found.data && settled === text ? found.data.groups : [];
    sections.push({ name: t`Go to`, options: places.filter((p) => fits(text, `${p.name} ${p.sub ?? ''}`)) });
    sections.push({
      name: t`Do`,
      options: acts.filter((a) => fits(text, `${a.name} ${a.words ?? ''}`)).map(ofAct),
    });
    if (scanned && who.mayWrite) {
      const volumes = hits.find((g) => g.kind === 'volume')?.hits ?? [];
      sections.push({
        name: t`Scan`,
        options: volumes.map((v) => ({
          key: `scan ${v.id}`,
          name: t`Scan ${v.name} now`,
          sub: whereOf(v),
          icon: <ThunderboltOutlined />,
          run: () => scan(v.id),
        })),
      });
    }
    for (const g of hits) sections.push({ name: GROUPS()[g.kind], options: g.hits.map(ofHit), more: g.more });
  }
  // A recent one stands there once.
  const seen = new Set<string>();
  const once = sections
    .map((s) => ({ ...s, options: s.options.filter((o) => !seen.has(o.key) && seen.add(o.key)) }))
    .filter((s) => s.options.length > 0);
  const busy = text.length > 0 && (settled !== text || found.isFetching);
  return { sections: once, busy, partial: found.data?.partial ?? false, error: found.error, user: who.id };
}

function told(n: number, text: string, partial: boolean, error: Error | null): string {
  if (error) return t`It could not be searched: ${sayFailure(error)}`;
  const found = n === 0 ? t`Nothing is called “${text}”.` : `${counted(n, 'result')}.`;
  return partial
    ? t`${found} Not all files were looked through: choose a customer, or type more of the name.`
    : found;
}

export default function Palette({
  rooms,
  open,
  onClose,
  onHelp,
}: {
  rooms: Room[];
  open: boolean;
  onClose: () => void;
  onHelp: () => void;
}) {
  const [typed, setTyped] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const { sections, busy, partial, error, user } = useSections(typed, rooms, open, onHelp);
  const all = useMemo(() => sections.flatMap((s) => s.options), [sections]);
  const now = Math.min(at, all.length - 1);
  useEffect(() => {
    if (!open) return;
    setTyped('');
    setAt(0);
  }, [open]);
  useEffect(() => {
    document.getElementById(`${id}-${now}`)?.scrollIntoView?.({ block: 'nearest' });
  }, [id, now]);
  const run = (o: Option | undefined) => {
    if (!o) return;
    if (o.recent) remember(user, o.recent);
    onClose();
    // Once the box has given the focus back: what opens next takes it from there.
    setTimeout(o.run);
  };
  const key = (e: KeyboardEvent) => {
    if (e.nativeEvent.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step && all.length) {
      e.preventDefault();
      setAt((now + step + all.length) % all.length);
    } else if (e.key === 'Enter') {
      e.preventDefault();
      run(all[now]);
    }
  };
  let n = -1;
  return (
    <Dialog
      open={open}
      className="palette"
      width={640}
      style={{ top: 80 }}
      title={
        <span className="sr">
          <Trans>Search and commands</Trans>
        </span>
      }
      footer={null}
      onCancel={onClose}
      afterOpenChange={(is) => is && field.current?.focus()}
      destroyOnHidden
    >
      <input
        ref={field}
        className="find"
        role="combobox"
        aria-label={t`Search, go to or do`}
        aria-expanded={all.length > 0}
        aria-controls={all.length ? `${id}-list` : undefined}
        aria-autocomplete="list"
        aria-activedescendant={now >= 0 ? `${id}-${now}` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder={t`A room, host, volume, share, rule, job, file … or what to do`}
        value={typed}
        onChange={(e) => {
          setTyped(e.target.value);
          setAt(0);
        }}
        onKeyDown={key}
      />
      <div
        className="found"
        role={all.length ? 'listbox' : undefined}
        id={`${id}-list`}
        aria-label={all.length ? t`Results` : undefined}
        tabIndex={-1}
      >
        {sections.map((s) => (
          <div role="group" key={s.name} aria-label={s.name}>
            <div className="of" aria-hidden="true">
              {s.more ? t`${s.name} (the first of more)` : s.name}
            </div>
            {s.options.map((o) => {
              n++;
              const mine = n;
              return (
                <div
                  role="option"
                  key={o.key}
                  id={`${id}-${mine}`}
                  aria-selected={mine === now}
                  onClick={() => run(o)}
                  onMouseMove={() => setAt(mine)}
                >
                  <span aria-hidden="true">{o.icon}</span>
                  <span className="what">{o.name}</span>
                  {o.sub && <span className="sub">{o.sub}</span>}
                </div>
              );
            })}
          </div>
        ))}
      </div>
      <div className="foot sub">
        <span role="status">
          {busy ? (
            <>
              <Spin size="small" /> <Trans>Searching</Trans>
            </>
          ) : (
            typed.trim() && told(all.length, typed.trim(), partial, error)
          )}
        </span>
        <span style={{ flex: 1 }} />
        <span aria-hidden="true">
          <Trans>
            <kbd>↑</kbd>
            <kbd>↓</kbd> choose
          </Trans>
        </span>
        <span aria-hidden="true">
          <Trans>
            <kbd>
              <EnterOutlined />
            </kbd>{' '}
            go
          </Trans>
        </span>
        <span aria-hidden="true">
          <Trans>
            <kbd>Esc</kbd> close
          </Trans>
        </span>
      </div>
    </Dialog>
  );
}
