// What a reader chose: remembered by the browser, told to all parts at once.
import { useCallback, useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';
export type Units = 'decimal' | 'binary';
/** How times are told: relative while they are recent, or always in the reader's zone, or in UTC. */
export type Times = 'recent' | 'local' | 'utc';
export type Language = 'en' | 'de';
export interface Prefs {
  theme: Theme;
  /** Empty: as the browser says. */
  language: Language | '';
  units: Units;
  times: Times;
  /** How numbers and dates are written: as the browser's language has it, or as this one. */
  region: string;
  /** Whether single keys do something. */
  keys: boolean;
  /** The customer that an operator looked at last. */
  customer?: { user: string; id: string };
}

const KEY = 'alto.prefs';
const usual: Prefs = {
  theme: 'system',
  language: '',
  units: 'decimal',
  times: 'recent',
  region: '',
  keys: true,
};
const listeners = new Set<() => void>();

function load(): Prefs {
  try {
    return { ...usual, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Prefs>) };
  } catch {
    return usual;
  }
}

let now = load();

export function prefs(): Prefs {
  return now;
}

export function setPrefs(change: Partial<Prefs>): void {
  now = { ...now, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(now));
  } catch {
    // Private windows may refuse; it then holds until the page is closed.
  }
  listeners.forEach((tell) => tell());
}

function listen(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

export function usePrefs(): Prefs {
  return useSyncExternalStore(listen, prefs);
}

/** Whether the browser's media query holds, now and later. */
function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (tell: () => void) => {
      const media = matchMedia(query);
      media.addEventListener('change', tell);
      return () => media.removeEventListener('change', tell);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches);
}

export function useDark(): boolean {
  const system = useMedia('(prefers-color-scheme: dark)');
  const { theme } = usePrefs();
  return theme === 'system' ? system : theme === 'dark';
}

/** Whether it is worked with a finger, or on so little room that it may be. */
export function useFinger(): boolean {
  return useMedia('(pointer: coarse), (max-width: 767px)');
}

export function useStill(): boolean {
  return useMedia('(prefers-reduced-motion: reduce)');
}
