// Who is logged in, whose customer is looked at, and how addresses keep it.
import { createContext, useCallback, useContext, useMemo } from 'react';
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

/** Members of the address's search part: read, and changed together. */
export function useAddress(): [URLSearchParams, (change: Record<string, string | undefined>) => void] {
  const [search, set] = useSearchParams();
  const change = useCallback(
    (members: Record<string, string | undefined>) => {
      set(
        (old) => {
          const next = new URLSearchParams(old);
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
