// Accesses as they come in: a bounded list, newest first, put together of what is asked for and of what events tell.
import type { AccessNews, AccessRow } from '../api/access';

export const LIVE_ROWS = 200; // shown while it follows
export const ROWS_MAX = 1000; // shown at all, with older ones that were asked for
export const AT_ONCE = 200; // rows of one answer
export const FIRST_ROWS = 50; // and of the first

export interface Stream {
  rows: AccessRow[];
  /** The number up to which everything is known. */
  seen: number;
  /** More came at once than an answer holds: between rows there are some that are not shown. Numbers of the rows above such a gap. */
  gaps: number[];
}

export const EMPTY: Stream = { rows: [], seen: 0, gaps: [] };

function cut(s: Stream, max: number): Stream {
  if (s.rows.length <= max) return s;
  const rows = s.rows.slice(0, max);
  const last = rows[max - 1]!.number;
  return { ...s, rows, gaps: s.gaps.filter((g) => g > last) };
}

/** Rows newer than what is known, newest first. full: the answer held no more, so there may be others below them. */
export function newer(s: Stream, rows: AccessRow[], upTo: number, full: boolean, max = LIVE_ROWS): Stream {
  const fresh = rows.filter((r) => r.number > s.seen);
  const seen = Math.max(s.seen, upTo, fresh[0]?.number ?? 0);
  const lowest = fresh.at(-1)?.number;
  const gap = full && lowest !== undefined && s.rows.length > 0 && lowest > s.seen + 1;
  return cut({ rows: [...fresh, ...s.rows], seen, gaps: gap ? [lowest, ...s.gaps] : s.gaps }, max);
}

/** Rows older than what is shown. */
export function older(s: Stream, rows: AccessRow[]): Stream {
  const last = s.rows.at(-1)?.number ?? Infinity;
  return cut({ ...s, rows: [...s.rows, ...rows.filter((r) => r.number < last)] }, ROWS_MAX);
}

/** What an event told, where it told all that came since; undefined: it has to be asked for. */
export function toldAll(s: Stream, news: AccessNews): AccessRow[] | undefined {
  const fresh = news.rows.filter((r) => r.number > s.seen);
  return s.seen > 0 && fresh.length === news.last_number - s.seen ? fresh : undefined;
}

/** How many came that are not shown. */
export const waiting = (s: Stream, news: AccessNews | undefined): number =>
  news && s.seen > 0 ? Math.max(0, news.last_number - s.seen) : 0;
