import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessRow } from '../api/access';
import { EMPTY, LIVE_ROWS, newer, older, ROWS_MAX, type Stream, toldAll, waiting } from './stream';

const row = (number: number): AccessRow => ({
  number,
  kind: 'used',
  path: `/f${number}`,
  at: '2026-11-27T10:00:00Z',
  modified_at: null,
  arrived_at: '2026-11-27T10:00:01Z',
  reads: 1,
  writes: 0,
  user: 'anna',
  host: 'mac1',
  node: '7',
});
/** Rows from the newest to the oldest. */
const rows = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => row(from - i));
const numbers = (s: Stream) => s.rows.map((r) => r.number);
const news = (last_number: number, list: AccessRow[]) => ({ volume_id: 'v', last_number, rows: list });

describe('accesses as they come in', () => {
  const first = newer(EMPTY, rows(10, 6), 0, true);
  it('begin with the latest, and are added on top', () => {
    expect(numbers(first)).toEqual([10, 9, 8, 7, 6]);
    expect(first.gaps).toEqual([]);
    expect(numbers(newer(first, rows(12, 9), 12, false))).toEqual([12, 11, 10, 9, 8, 7, 6]);
  });
  it('tell where more came at once than an answer holds', () => {
    const s = newer(first, rows(40, 30), 40, true);
    expect(s.gaps).toEqual([30]);
    // An answer that is full, and yet reaches down to what is known, leaves nothing out.
    expect(newer(first, rows(20, 11), 20, true).gaps).toEqual([]);
  });
  it('are taken from an event only when it tells all of them', () => {
    expect(toldAll(first, news(12, rows(12, 11)))?.map((r) => r.number)).toEqual([12, 11]);
    expect(toldAll(first, news(40, rows(40, 21)))).toBeUndefined();
    expect(toldAll(EMPTY, news(1, [row(1)]))).toBeUndefined();
    expect(toldAll(first, news(10, rows(10, 9)))).toEqual([]);
  });
  it('wait while they are paused', () => {
    expect(waiting(first, news(14, []))).toBe(4);
    expect(waiting(first, undefined)).toBe(0);
    expect(waiting(EMPTY, news(14, []))).toBe(0);
  });
  it('know up to where they are known where none fits what is picked', () => {
    const s = newer(first, [], 30, false);
    expect(s.seen).toBe(30);
    expect(numbers(s)).toEqual(numbers(first));
  });
  it('go back as far as there is room', () => {
    const s = older(newer(EMPTY, rows(3000, 2951), 0, true), rows(2950, 2751));
    expect(s.rows).toHaveLength(250);
    let all = s;
    for (let to = 2750; to > 1000; to -= 200) all = older(all, rows(to, to - 199));
    expect(all.rows).toHaveLength(ROWS_MAX);
    // Followed again it is as long as one that was never looked back in.
    expect(newer(all, [row(3001)], 3001, false).rows).toHaveLength(LIVE_ROWS);
  });
  it('are each shown once, in order, whatever comes twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 12 }))),
        (parts) => {
          let s = EMPTY;
          for (const [from, length] of parts) s = newer(s, rows(from, Math.max(1, from - length)), 0, false);
          const seen = numbers(s);
          expect(seen).toEqual([...new Set(seen)].sort((a, b) => b - a));
          expect(seen.length).toBeLessThanOrEqual(LIVE_ROWS);
        },
      ),
    );
  });
});
