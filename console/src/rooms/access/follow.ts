// Follows the accesses of a volume: asks once, then takes what events tell, and asks again where they did not tell all of it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { use, useCallback, useEffect, useReducer, useRef, useState } from 'react';
import { type AccessNews, recent, type RecentQuery } from '../../api/access';
import { newsKey } from '../../api/data';
import { LiveContext } from '../../lib/session';
import {
  AT_ONCE,
  EMPTY,
  FIRST_ROWS,
  newer,
  older,
  ROWS_MAX,
  type Stream,
  toldAll,
  waiting,
} from '../../lib/stream';

export type Filter = Pick<
  RecentQuery,
  'path' | 'path_b64' | 'user' | 'user_b64' | 'host' | 'host_b64' | 'kind'
>;
const LOST_MS = 5000; // between two questions while no events come

export interface Following {
  stream: Stream;
  pending: boolean;
  /** Why it could not be asked for; what was shown before stays. */
  error: Error | null;
  /** When what is shown was last known to be all there is, in ms. */
  asOf: number;
  paused: boolean;
  setPaused: (paused: boolean) => void;
  /** Came while it was paused; of all accesses, whatever is picked. */
  held: number;
  retry: () => void;
  more?: () => void;
  moreBusy: boolean;
}

const isPicked = (f: Filter) => Object.values(f).some((v) => v !== undefined);

/** Remount it for another volume or filter: give the component a key. */
export function useFollowing(id: string, filter: Filter): Following {
  const client = useQueryClient();
  const live = use(LiveContext);
  const [paused, setPaused] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const [state, setState] = useState<{
    asOf: number;
    pending: boolean;
    /** The number below which there is nothing. */
    end?: number;
    moreBusy: boolean;
  }>({ asOf: 0, pending: true, moreBusy: false });
  const [, draw] = useReducer((n: number) => n + 1, 0);
  const stream = useRef<Stream>(EMPTY);
  const asking = useRef(false);
  const again = useRef(false);
  const gone = useRef<AbortController>(undefined);
  const picked = isPicked(filter);
  const ask = useRef(filter);
  ask.current = filter;

  const news = useQuery<AccessNews | null>({
    queryKey: newsKey(id),
    queryFn: () => null,
    enabled: false,
  }).data;

  /** What came since; the newest where that is more than one answer holds. */
  const fetchNewer = useCallback(async () => {
    if (asking.current) {
      again.current = true;
      return;
    }
    asking.current = true;
    try {
      do {
        again.current = false;
        const first = stream.current.seen === 0;
        const told = client.getQueryData<AccessNews | null>(newsKey(id))?.last_number ?? 0;
        const limit = first ? FIRST_ROWS : AT_ONCE;
        const got = await recent(
          id,
          { ...ask.current, limit, after: first ? undefined : stream.current.seen },
          gone.current?.signal,
        );
        // Where all are asked for, nothing newer is there than the first; else than what was told before the question.
        stream.current = newer(stream.current, got.items, told, got.items.length === limit);
        setError(null);
        setState((s) => ({
          ...s,
          pending: false,
          asOf: Date.now(),
          end: first && got.items.length < limit ? (got.items.at(-1)?.number ?? 0) : s.end,
        }));
      } while (again.current && !gone.current?.signal.aborted);
    } catch (e) {
      if (gone.current?.signal.aborted) return;
      setError(e as Error);
      setState((s) => ({ ...s, pending: false }));
    } finally {
      asking.current = false;
    }
  }, [client, id]);

  useEffect(() => {
    gone.current = new AbortController();
    asking.current = false;
    void fetchNewer();
    return () => gone.current?.abort();
  }, [fetchNewer]);

  useEffect(() => {
    if (!news || paused || state.pending) return;
    const rows = picked ? undefined : toldAll(stream.current, news);
    if (rows) {
      stream.current = newer(stream.current, rows, news.last_number, false);
      setState((s) => ({ ...s, asOf: Date.now() }));
    } else if (news.last_number > stream.current.seen) void fetchNewer();
  }, [news, paused, picked, state.pending, fetchNewer]);

  // While no events come it is asked for again and again; and once when they come back.
  useEffect(() => {
    if (paused) return undefined;
    if (live === 'live' && !error) {
      if (stream.current.seen > 0) void fetchNewer();
      return undefined;
    }
    const timer = setInterval(() => void fetchNewer(), LOST_MS);
    return () => clearInterval(timer);
  }, [live, paused, error, fetchNewer]);

  const more = async () => {
    const last = stream.current.rows.at(-1)?.number;
    if (last === undefined) return;
    setPaused(true); // or newer ones would push them out again
    setState((s) => ({ ...s, moreBusy: true }));
    try {
      const got = await recent(id, { ...ask.current, limit: AT_ONCE, before: last }, gone.current?.signal);
      stream.current = older(stream.current, got.items);
      if (got.items.length < AT_ONCE) setState((s) => ({ ...s, end: got.items.at(-1)?.number ?? last }));
    } catch (e) {
      if (!gone.current?.signal.aborted) setError(e as Error);
    } finally {
      setState((s) => ({ ...s, moreBusy: false }));
    }
  };
  const rows = stream.current.rows;
  const whole = rows.length === 0 || (state.end !== undefined && rows.at(-1)!.number <= state.end);
  return {
    stream: stream.current,
    pending: state.pending,
    error,
    asOf: state.asOf,
    paused,
    setPaused: (on) => {
      setPaused(on);
      draw();
    },
    held: paused ? waiting(stream.current, news ?? undefined) : 0,
    retry: () => void fetchNewer(),
    more: whole || rows.length >= ROWS_MAX ? undefined : () => void more(),
    moreBusy: state.moreBusy,
  };
}
