// Finding anything by its name: one question, hits in groups. Asked of the list routes; a route that searches all at once would take searchAll's place.
import { words } from '../lib/format';
import { visible } from '../lib/path';
import { api, must, type Schemas } from './client';

export type HitKind = 'customer' | 'host' | 'volume' | 'share' | 'rule' | 'job' | 'file';
export interface Hit {
  kind: HitKind;
  id: string;
  name: string;
  /** Whose it is, by id. */
  customer: string | null;
  /** What tells it from others of the name: a host's folder, a rule's condition. */
  where: string;
  /** Of a file: as it is asked for. */
  file?: { volume: string; path: string; path_b64?: string };
}
export interface Group {
  kind: HitKind;
  hits: Hit[];
}
export interface Scope {
  operator: boolean;
  customer?: string;
  /** Whose files are searched. */
  volume?: string;
}
export interface Found {
  groups: Group[];
  /** Kinds that could not be asked for. */
  failed: HitKind[];
}

const EACH = 6;
const JOB_KINDS: Schemas['JobKind'][] = ['scan', 'tier', 'archive', 'recall', 'check_share', 'reconcile'];

type Asking = (text: string, scope: Scope, signal: AbortSignal) => Promise<Hit[]>;

const asked = (text: string, scope: Scope) => ({ limit: EACH, q: text, customer_id: scope.customer });

const customers: Asking = async (text, scope, signal) => {
  if (!scope.operator) return [];
  const { items } = await must(
    api.GET('/customers', { params: { query: { limit: EACH, q: text } }, signal }),
  );
  return items.map((c) => ({ kind: 'customer', id: c.id, name: c.name, customer: c.id, where: '' }));
};
const hosts: Asking = async (text, scope, signal) => {
  const { items } = await must(api.GET('/hosts', { params: { query: asked(text, scope) }, signal }));
  return items.map((h) => ({
    kind: 'host',
    id: h.id,
    name: h.name,
    customer: h.customer_id,
    where: words(h.state),
  }));
};
const volumes: Asking = async (text, scope, signal) => {
  const { items } = await must(api.GET('/volumes', { params: { query: asked(text, scope) }, signal }));
  return items.map((v) => ({
    kind: 'volume',
    id: v.id,
    name: v.name,
    customer: v.customer_id,
    where: v.path,
  }));
};
const shares: Asking = async (text, scope, signal) => {
  const { items } = await must(api.GET('/shares', { params: { query: asked(text, scope) }, signal }));
  return items.map((s) => ({ kind: 'share', id: s.id, name: s.name, customer: s.customer_id, where: s.url }));
};
const rules: Asking = async (text, scope, signal) => {
  const { items } = await must(api.GET('/rules', { params: { query: asked(text, scope) }, signal }));
  return items.map((r) => ({
    kind: 'rule',
    id: r.id,
    name: r.name,
    customer: r.customer_id,
    where: r.where,
  }));
};

/** Jobs have no names: those of a kind that is named, and those of volumes that are. */
const jobs: Asking = async (text, scope, signal) => {
  const wanted = text.toLowerCase();
  const kind = JOB_KINDS.find((k) => words(k).startsWith(wanted) || wanted.startsWith(words(k)));
  const named = kind ? text.slice(words(kind).length).trim() : text;
  const query = { customer_id: scope.customer, kind, limit: EACH };
  const of = named
    ? await must(api.GET('/volumes', { params: { query: asked(named, scope) }, signal }))
    : undefined;
  if (!kind && !of?.items.length) return [];
  const pages = await Promise.all(
    (of?.items.length ? of.items.slice(0, 3).map((v) => v.id) : [undefined]).map((volume_id) =>
      must(api.GET('/jobs', { params: { query: { ...query, volume_id } }, signal })),
    ),
  );
  const name = new Map(of?.items.map((v) => [v.id, v.name]));
  return pages
    .flatMap((p) => p.items)
    .sort((a, b) => b.created_at.localeCompare(a.created_at))
    .slice(0, EACH)
    .map((j) => ({
      kind: 'job',
      id: j.id,
      name: [words(j.kind), j.volume_id && name.get(j.volume_id)].filter(Boolean).join(' of '),
      customer: j.customer_id,
      where: `${words(j.state)}, ${j.created_at.slice(0, 10)}`,
    }));
};

const files: Asking = async (text, scope, signal) => {
  const volume = scope.volume;
  if (!volume) return [];
  const { items } = await must(
    api.GET('/volumes/{id}/files', {
      params: { path: { id: volume }, query: { q: text, recursive: true, limit: EACH } },
      signal,
    }),
  );
  return items.map((f) => ({
    kind: 'file',
    id: f.path_b64 ?? f.path,
    name: visible(f.name),
    customer: scope.customer ?? null,
    where: visible(f.path),
    file: { volume, path: f.path, path_b64: f.path_b64 },
  }));
};

const ASK: [HitKind, Asking][] = [
  ['volume', volumes],
  ['host', hosts],
  ['share', shares],
  ['rule', rules],
  ['job', jobs],
  ['file', files],
  ['customer', customers],
];

/** What fits a text, in groups; what could not be asked for is named, the rest is given all the same. */
export async function searchAll(text: string, scope: Scope, signal: AbortSignal): Promise<Found> {
  const all = await Promise.allSettled(ASK.map(([, ask]) => ask(text, scope, signal)));
  const groups: Group[] = [];
  const failed: HitKind[] = [];
  all.forEach((one, i) => {
    const kind = ASK[i]![0];
    if (one.status === 'rejected') failed.push(kind);
    else if (one.value.length) groups.push({ kind, hits: one.value });
  });
  return { groups, failed };
}
