// Whether somebody is logged in, asked once.
import { useQuery } from '@tanstack/react-query';
import { api, ApiFailure, must, setCsrf } from './client';

const HERE = 'alto.here';
const remember = (here: boolean) => {
  try {
    if (here) localStorage.setItem(HERE, '1');
    else localStorage.removeItem(HERE);
  } catch {
    // Private windows may refuse.
  }
};

/** Whether somebody was when this browser was here last: then what they come for is loaded while it is asked. */
export function wasHere(): boolean {
  try {
    return localStorage.getItem(HERE) === '1';
  } catch {
    return false;
  }
}

export const loggedOut = (error: unknown): boolean => error instanceof ApiFailure && error.status === 401;

export function useSession() {
  return useQuery({
    queryKey: ['session'],
    staleTime: Infinity,
    retry: (n, e) => !loggedOut(e) && n < 2,
    queryFn: async () => {
      try {
        const got = await must(api.GET('/session'));
        setCsrf(got.csrf);
        remember(true);
        return got;
      } catch (e) {
        if (loggedOut(e)) remember(false);
        throw e;
      }
    },
  });
}
