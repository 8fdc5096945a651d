// What the rooms read: pages and nouns, kept by TanStack Query and brought up to date by live events.
import {
  type InfiniteData,
  QueryClient,
  type QueryKey,
  useInfiniteQuery,
  useQuery,
} from '@tanstack/react-query';
import type { LiveEvent } from '../lib/live';
import type { AccessNews } from './access';
import type { Import } from './calls';
import {
  api,
  ApiFailure,
  type Customer,
  type Host,
  type Job,
  must,
  type Rule,
  type Schemas,
  type Share,
  type User,
  type Volume,
} from './client';

export interface PageOf<T> {
  items: T[];
  next_cursor: string | null;
  total?: number;
}
export interface List<T> {
  items: T[];
  total?: number;
  pending: boolean;
  error: Error | null;
  retry: () => void;
  more?: () => void;
  moreBusy: boolean;
  /** Asking for more failed; it is asked again by a person alone. */
  moreFailed?: boolean;
  /** How many pages of it are there. */
  pages?: number;
}

export function makeClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 15_000,
        retry: (tries, error) =>
          error instanceof ApiFailure &&
          (error.status === 0 || (error.status >= 500 && error.status !== 504)) &&
          tries < 2,
        refetchOnWindowFocus: false,
      },
    },
  });
}

export const JOB_STATES: Schemas['JobState'][] = [
  'queued',
  'running',
  'paused',
  'suspended',
  'done',
  'failed',
  'cancelled',
];

/** A list that is read page by page. */
export function useList<T>(
  key: QueryKey,
  load: (cursor: string | undefined) => Promise<PageOf<T>>,
  enabled = true,
): List<T> {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => load(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    enabled,
  });
  return {
    items: query.data?.pages.flatMap((page) => page.items) ?? [],
    total: query.data?.pages[0]?.total,
    pending: query.isPending && enabled,
    error: query.data ? null : query.error,
    retry: () => void query.refetch(),
    more: query.hasNextPage ? () => void query.fetchNextPage() : undefined,
    moreBusy: query.isFetchingNextPage,
    moreFailed: query.isFetchNextPageError,
    pages: query.data?.pages.length,
  };
}

const LIMIT = 100;
type Q = { cursor?: string; limit: number; customer_id?: string; q?: string };
const q = (cursor: string | undefined, customer_id?: string, text?: string): Q => ({
  cursor,
  limit: LIMIT,
  customer_id,
  q: text || undefined,
});

export const useCustomers = (enabled = true, text = '') => useNouns('customers', undefined, text, enabled);
export const useHosts = (customer?: string, text = '') => useNouns('hosts', customer, text);
export const useShares = (customer?: string, text = '') => useNouns('shares', customer, text);
export const useVolumes = (customer?: string, text = '') => useNouns('volumes', customer, text);
export const useUsers = (customer?: string, text = '') =>
  useList<User>(['users', customer, text], (c) =>
    must(api.GET('/users', { params: { query: q(c, customer, text) } })),
  );
export type NamedNoun = 'customers' | 'hosts' | 'shares' | 'volumes';
interface Nouns {
  customers: Customer;
  hosts: Host;
  shares: Share;
  volumes: Volume;
}

/** One list of nouns that others refer to; its first page is shared with the noun's own room. */
export function useNouns<N extends NamedNoun>(
  noun: N,
  customer?: string,
  text = '',
  enabled = true,
): List<Nouns[N]> {
  const key = noun === 'customers' ? [noun, text] : [noun, customer, text];
  const load = async (c: string | undefined): Promise<PageOf<Customer | Host | Share | Volume>> => {
    const query = q(c, noun === 'customers' ? undefined : customer, text);
    switch (noun) {
      case 'customers':
        return must(api.GET('/customers', { params: { query } }));
      case 'hosts':
        return must(api.GET('/hosts', { params: { query } }));
      case 'shares':
        return must(api.GET('/shares', { params: { query } }));
      default:
        return must(api.GET('/volumes', { params: { query } }));
    }
  };
  return useList<Nouns[N]>(key, load as (c: string | undefined) => Promise<PageOf<Nouns[N]>>, enabled);
}

/** One of them. Asked for by itself only when the first page does not have it. */
export function useNamed<N extends NamedNoun>(
  noun: N,
  id: string | null | undefined,
  customer?: string,
): Nouns[N] | undefined {
  const list = useNouns(noun, customer, '', !!id);
  const found = list.items.find((n) => n.id === id);
  const one = useQuery({
    queryKey: [noun, 'one', id],
    enabled: !!id && !found && !list.pending,
    staleTime: 60_000,
    queryFn: async (): Promise<Customer | Host | Share | Volume> => {
      const params = { path: { id: id! } };
      switch (noun) {
        case 'customers':
          return must(api.GET('/customers/{id}', { params }));
        case 'hosts':
          return must(api.GET('/hosts/{id}', { params }));
        case 'shares':
          return must(api.GET('/shares/{id}', { params }));
        default:
          return must(api.GET('/volumes/{id}', { params }));
      }
    },
  });
  return found ?? (one.data as Nouns[N] | undefined);
}

export const useRules = (customer?: string, volume_id?: string) =>
  useList<Rule>(['rules', customer, volume_id], (c) =>
    must(api.GET('/rules', { params: { query: { ...q(c, customer), volume_id } } })),
  );
export const useJobs = (
  customer?: string,
  filter: { volume_id?: string; state?: Schemas['JobState']; kind?: Schemas['JobKind'] } = {},
) =>
  useList<Job>(['jobs', customer, filter.volume_id, filter.state, filter.kind], (c) =>
    must(api.GET('/jobs', { params: { query: { ...q(c, customer), ...filter } } })),
  );

export const ended = (state: Job['state']): boolean =>
  state === 'done' || state === 'failed' || state === 'cancelled';

export function useJob(id: string | undefined) {
  return useQuery({
    queryKey: ['job', id],
    queryFn: () => must(api.GET('/jobs/{id}', { params: { path: { id: id! } } })),
    enabled: !!id,
    refetchInterval: (query) => (query.state.data && ended(query.state.data.state) ? false : 2000),
  });
}

type Noun = { id: string; version: number };

/** Puts a noun in place of its older self wherever it is shown. Tells whether it was anywhere. */
export function replace(client: QueryClient, list: string, noun: Noun): boolean {
  let seen = false;
  client.setQueriesData<InfiniteData<PageOf<Noun>>>({ queryKey: [list] }, (old) => {
    if (!old?.pages) return old;
    return {
      ...old,
      pages: old.pages.map((page) => ({
        ...page,
        items: page.items.map((item) => {
          if (item.id !== noun.id) return item;
          seen = true;
          return noun.version >= item.version ? noun : item;
        }),
      })),
    };
  });
  return seen;
}

/** Where the newest event about a volume's accesses lies. */
export const newsKey = (volume: string): QueryKey => ['news', volume];

const LISTS = { job: 'jobs', host: 'hosts', volume: 'volumes', share: 'shares', import: 'imports' } as const;

/** Takes live events into the cache. What cannot be put in place is loaded afresh, at most once a second. */
export function makeApplier(
  client: QueryClient,
  later: (act: () => void, ms: number) => void = (act, ms) => void setTimeout(act, ms),
) {
  const due = new Set<string>();
  const soon = (key: string) => {
    if (due.has(key)) return;
    due.add(key);
    later(() => {
      due.delete(key);
      void client.invalidateQueries({ queryKey: [key] });
    }, 1000);
  };
  return (event: LiveEvent) => {
    if (event.kind === 'reset') {
      void client.invalidateQueries();
      return;
    }
    if (event.kind === 'access') {
      const news = event.data as AccessNews;
      // Who shows the volume's accesses looks there.
      if (news?.volume_id) client.setQueryData(newsKey(news.volume_id), news);
      return;
    }
    if (event.kind === 'figures' || event.kind === 'audit') {
      soon(event.kind);
      // How it stands with audit logs changed, or since when they are complete.
      if (/^access\./.test((event.data as { act?: string })?.act ?? '')) soon('access');
      return;
    }
    const noun = event.data as Noun & Partial<Job>;
    if (!noun?.id) return;
    const list = LISTS[event.kind];
    if (!replace(client, list, noun)) soon(list);
    if (event.kind === 'volume') client.setQueryData(['volume', noun.id], noun);
    if (event.kind === 'import') {
      // It comes without its look: what is known of that stays, and what is newer is asked for.
      const key = ['import', noun.id];
      const old = client.getQueryData<Noun & Partial<Import>>(key);
      const newer = !old || noun.version > old.version;
      if (newer && (noun as Partial<Import>).state === 'ready')
        void client.invalidateQueries({ queryKey: key });
      else if (old && noun.version >= old.version)
        client.setQueryData(key, { ...old, ...noun, look: old.look });
    }
    if (event.kind === 'job') {
      client.setQueryData<Job>(['job', noun.id], noun as Job);
      if (noun.state && ended(noun.state)) {
        soon('files');
        soon('figures');
        soon('outcomes');
        soon('jobs');
      }
    }
  };
}
