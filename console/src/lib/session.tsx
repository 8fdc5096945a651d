// Who is logged in, whose customer is looked at, and how addresses keep it.
import { createContext, useCallback, useContext, useEffect, useMemo, useRef } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import type { Session } from '../api/client';
import type { LiveState } from './live';

export const SessionContext = createContext<Session | undefined>(undefined);

/** Whether live events come in. */
export const LiveContext = createContext<LiveState>('connecting');

export interface Who {
  name: string;
  id: string;
  operator: boolean;
  mayWrite: boolean;
  mayUsers: boolean;
  customer?: string;
}

export function useWho(): Who {
  const session = useContext(SessionContext);
  const [search] = useSearchParams();
  return useMemo(() => {
    const user = session?.user;
    const operator = user?.role === 'operator';
    return {
      name: user?.name ?? '',
      id: user?.id ?? '',
      operator,
      mayWrite: operator || user?.role === 'admin',
      mayUsers: operator || user?.role === 'admin',
      customer: operator ? (search.get('customer') ?? undefined) : (user?.customer_id ?? undefined),
    };
  }, [session, search]);
}

/** An address inside the console, with the customer that is looked at. */
export function useTo(): (path: string, more?: Record<string, string | undefined>) => string {
  const [search] = useSearchParams();
  const customer = search.get('customer');
  return useCallback(
    (path, more = {}) => {
      const next = new URLSearchParams();
      if (customer) next.set('customer', customer);
      for (const [key, value] of Object.entries(more)) {
        if (value) next.set(key, value);
        else next.delete(key);
      }
      const text = next.toString();
      return text ? `${path}?${text}` : path;
    },
    [customer],
  );
}

export function useGo() {
  const to = useTo();
  const navigate = useNavigate();
  return useCallback(
    (path: string, more?: Record<string, string | undefined>) => void navigate(to(path, more)),
    [to, navigate],
  );
}

/** What is looked at on a page without changing what is listed there. */
const BESIDE = ['pages', 'open', 'open_b64', 'do', 'event', 'unfold', 'list'];

/** Members of the address's search part: read, and changed together. Another list begins with its first page. */
export function useAddress(): [URLSearchParams, (change: Record<string, string | undefined>) => void] {
  const [search, set] = useSearchParams();
  const alive = useRef(true);
  useEffect(() => {
    alive.current = true;
    return () => {
      alive.current = false;
    };
  }, []);
  const change = useCallback(
    (members: Record<string, string | undefined>) => {
      // What was begun in a room and ends when that has been left changes no other room's address.
      if (!alive.current) return;
      set(
        (old) => {
          const next = new URLSearchParams(old);
          if (!Object.keys(members).every((key) => BESIDE.includes(key))) next.delete('pages');
          for (const [key, value] of Object.entries(members)) {
            if (value) next.set(key, value);
            else next.delete(key);
          }
          return next;
        },
        { replace: true },
      );
    },
    [set],
  );
  return [search, change];
}

/** What a dialog adds or changes, told in the address: do=add, or do= the id of one of these. It stays as it was when it was opened, whatever comes in. */
export function useEdited<T extends { id: string }>(
  items: T[],
  may: boolean,
): [T | 'new' | undefined, (to: T | 'new' | undefined) => void] {
  const [search, change] = useAddress();
  const kept = useRef<T>(undefined);
  const asked = may ? search.get('do') : null;
  if (asked !== kept.current?.id) kept.current = items.find((i) => i.id === asked);
  const set = useCallback(
    (to: T | 'new' | undefined) => {
      if (to && to !== 'new') kept.current = to;
      change({ do: to === 'new' ? 'add' : to?.id });
    },
    [change],
  );
  return [asked === 'add' ? 'new' : kept.current, set];
}

/** Has a dialog filled that the address opened. */
export function useFilled<T extends { id: string }>(
  edit: T | 'new' | undefined,
  open: (what: T | 'new') => void,
): void {
  const last = useRef<string>(undefined);
  useEffect(() => {
    const key = edit === 'new' ? edit : edit?.id;
    if (key === last.current) return;
    last.current = key;
    if (edit) open(edit);
  });
}
