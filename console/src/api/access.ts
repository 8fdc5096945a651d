// What audit logs tell: calls, and what the rooms ask again and again.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import type { Place } from '../lib/path';
import { api, ApiFailure, ifMatch, must, type Schemas, type Volume } from './client';
import type { List } from './data';
import type { operations } from './types.gen';

export type Access = Schemas['Access'];
export type AccessBrief = Schemas['AccessBrief'];
export type AccessVolume = Schemas['AccessVolume'];
export type AccessRow = Schemas['AccessRow'];
export type AccessKind = Schemas['AccessKind'];
export type AccessNode = Schemas['AccessNode'];
export type AccessSum = Schemas['AccessSum'];
export type AccessBy = Schemas['AccessBy'];
export type AccessNews = Schemas['AccessNews'];
export type VolumeAudit = Schemas['VolumeAudit'];
export type Filespace = Schemas['HostFilespace'];
type QueryOf<O extends keyof operations> = NonNullable<operations[O]['parameters']['query']>;

const STATUS_MS = 10_000;
const FIGURES_MS = 60_000;
const at = (id: string) => ({ path: { id } });

/** All volumes with audit logs, those in trouble first. */
export function useAccessList(customer?: string): List<AccessVolume> {
  const query = useInfiniteQuery({
    queryKey: ['access', 'list', customer],
    queryFn: ({ pageParam, signal }) =>
      must(
        api.GET('/access', {
          params: { query: { customer_id: customer, cursor: pageParam, limit: 100, count: true } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) > 1 ? FIGURES_MS : 3 * STATUS_MS),
  });
  return listOf(query);
}

/** An infinite query as the rooms' tables take it. */
function listOf<T>(query: {
  data?: { pages: { items: T[]; total?: number }[] };
  isPending: boolean;
  error: Error | null;
  refetch: () => unknown;
  hasNextPage: boolean;
  fetchNextPage: () => unknown;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
}): List<T> {
  return {
    items: query.data?.pages.flatMap((page) => page.items) ?? [],
    total: query.data?.pages[0]?.total,
    pending: query.isPending,
    error: query.data ? null : query.error,
    retry: () => void query.refetch(),
    more: query.hasNextPage ? () => void query.fetchNextPage() : undefined,
    moreBusy: query.isFetchingNextPage,
    moreFailed: query.isFetchNextPageError,
    pages: query.data?.pages.length,
  };
}

export function useAccess(id: string, enabled = true) {
  return useQuery({
    queryKey: ['access', 'status', id],
    queryFn: ({ signal }) => must(api.GET('/volumes/{id}/access', { params: at(id), signal })),
    enabled,
    refetchInterval: STATUS_MS,
    retry: (n, e) => !(e instanceof ApiFailure && e.status >= 400 && e.status < 500) && n < 2,
  });
}

/** What is mounted on a host; asked again, since somebody may mount one meanwhile. */
export function useFilespaces(host: string) {
  return useQuery({
    queryKey: ['access', 'filespaces', host],
    queryFn: ({ signal }) => must(api.GET('/hosts/{id}/filespaces', { params: at(host), signal })),
    refetchInterval: STATUS_MS,
  });
}

// ---- periods ----

export const PERIODS = { day: 1, week: 7, month: 30, quarter: 90 } as const;
export type Period = keyof typeof PERIODS;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export const periodOf = (text: string | null): Period =>
  text && text in PERIODS ? (text as Period) : 'week';

/** The begin of a full hour that an address names, in ms; undefined: none, or a wrong one. */
export function hourOf(text: string | null): number | undefined {
  const ms = text ? Date.parse(text) : NaN;
  return Number.isFinite(ms) ? Math.floor(ms / HOUR_MS) * HOUR_MS : undefined;
}

function span(period: Period, hour?: number): { from: string; to?: string } {
  // A millisecond less: ends are rounded outwards to hours.
  if (hour !== undefined)
    return { from: new Date(hour).toISOString(), to: new Date(hour + HOUR_MS - 1).toISOString() };
  return { from: new Date(Date.now() - PERIODS[period] * DAY_MS).toISOString() };
}

const within = (folder: Place) =>
  folder.b64 ? { folder_b64: folder.b64 } : folder.path === '/' ? {} : { folder: folder.path };
const keyOf = (place: Place) => place.b64 ?? place.path;

export function useTop(
  id: string,
  by: AccessBy,
  folder: Place,
  period: Period,
  hour: number | undefined,
  limit: number,
) {
  return useQuery({
    queryKey: ['access', 'top', id, by, keyOf(folder), period, hour, limit],
    queryFn: ({ signal }) =>
      must(
        api.GET('/volumes/{id}/access/top', {
          params: { ...at(id), query: { by, limit, ...within(folder), ...span(period, hour) } },
          signal,
        }),
      ),
    refetchInterval: FIGURES_MS,
    placeholderData: (old, q) => {
      const [, , was, kind, of] = (q?.queryKey ?? []) as unknown[];
      return was === id && kind === by && of === keyOf(folder) ? old : undefined;
    },
  });
}

export function useHours(id: string, folder: Place, period: Period) {
  return useQuery({
    queryKey: ['access', 'hours', id, keyOf(folder), period],
    queryFn: ({ signal }) =>
      must(
        api.GET('/volumes/{id}/access/hours', {
          params: { ...at(id), query: { ...within(folder), ...span(period) } },
          signal,
        }),
      ),
    refetchInterval: FIGURES_MS,
  });
}

// ---- people and hosts that there are, to choose from ----

export function useKnown(id: string, by: 'user' | 'host', enabled: boolean) {
  return useQuery({
    queryKey: ['access', 'known', id, by],
    queryFn: ({ signal }) =>
      must(
        api.GET('/volumes/{id}/access/top', {
          params: { ...at(id), query: { by, limit: 200, ...span('quarter') } },
          signal,
        }),
      ),
    enabled,
    staleTime: FIGURES_MS,
  });
}

// ---- nodes ----

export type NodesQuery = Pick<QueryOf<'access_nodes'>, 'q' | 'active' | 'behind' | 'sort' | 'order'>;

export function useNodes(id: string, ask: NodesQuery): List<AccessNode> {
  const query = useInfiniteQuery({
    queryKey: ['access', 'nodes', id, ask],
    queryFn: ({ pageParam, signal }) =>
      must(
        api.GET('/volumes/{id}/access/nodes', {
          params: { ...at(id), query: { ...ask, cursor: pageParam, limit: 200, count: true } },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    // Who looks far down is not made to load all of it again and again.
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) > 2 ? false : 3 * STATUS_MS),
  });
  return listOf(query);
}

// ---- the latest ----

export type RecentQuery = QueryOf<'access_recent'>;
export const recent = (id: string, query: RecentQuery, signal?: AbortSignal) =>
  must(api.GET('/volumes/{id}/access/recent', { params: { ...at(id), query }, signal }));

// ---- settings ----

export const changeAudit = (volume: Pick<Volume, 'id' | 'version'>, audit: Partial<VolumeAudit>) =>
  must(
    api.PATCH('/volumes/{id}', {
      params: { path: { id: volume.id }, header: ifMatch(volume) },
      body: { audit: audit as VolumeAudit },
    }),
  );
