// Where somebody was last, and what they did by the palette: kept by the browser, apart for each user.
import type { Hit } from '../api/search';

/** A place by its address, an act by its name, or what was found. */
export type Recent =
  { place: string; name: string } | { act: string; name: string } | { hit: Hit; name: string };

const MOST = 8;
const keyFor = (user: string) => `alto.recent.${user}`;
const same = (a: Recent, b: Recent) => JSON.stringify(idOf(a)) === JSON.stringify(idOf(b));
const idOf = (r: Recent) => ('hit' in r ? [r.hit.kind, r.hit.id] : 'act' in r ? r.act : [r.place]);

export function recents(user: string): Recent[] {
  try {
    const got: unknown = JSON.parse(localStorage.getItem(keyFor(user)) ?? '[]');
    return Array.isArray(got) ? (got as Recent[]).filter((r) => r && typeof r.name === 'string') : [];
  } catch {
    return [];
  }
}

/** The newest first, each once. */
export function remember(user: string, one: Recent): void {
  const list = [one, ...recents(user).filter((r) => !same(r, one))].slice(0, MOST);
  try {
    localStorage.setItem(keyFor(user), JSON.stringify(list));
  } catch {
    // Private windows may refuse.
  }
}
