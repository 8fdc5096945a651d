import { describe, expect, it } from 'vitest';
import { setPrefs } from './prefs';
import { clock, heatOf, level, LEVELS, mostOf, sum } from './heat';
import { clockTime, span } from './format';

const at = (text: string, reads = 1, writes = 0) => ({ at: text, reads, writes });
const ms = (text: string) => Date.parse(text);
const days = (hours: ReturnType<typeof at>[], from: string, to: string, zone: string) =>
  heatOf(hours, ms(from), ms(to), 'day', zone);

describe('the map of hours', () => {
  it('goes by the reader’s clock, not by UTC', () => {
    const rows = days(
      [at('2026-11-24T23:00:00Z', 5, 2)],
      '2026-11-24T00:00:00Z',
      '2026-11-25T12:00:00Z',
      'Europe/Berlin',
    );
    expect(rows.map((r) => r.key)).toEqual(['2026-11-25', '2026-11-24']);
    expect(rows[0]!.cells[0]).toEqual({ reads: 5, writes: 2, hours: [ms('2026-11-24T23:00:00Z')] });
    expect(rows[0]!.reads).toBe(5);
    expect(rows[1]!.cells.every((c) => sum(c) === 0)).toBe(true);
  });
  it('puts an hour of a zone that is off by half of one where it begins', () => {
    const rows = days(
      [at('2026-11-24T03:00:00Z')],
      '2026-11-24T00:00:00Z',
      '2026-11-24T12:00:00Z',
      'Asia/Kolkata',
    );
    expect(sum(rows.find((r) => r.key === '2026-11-24')!.cells[8]!)).toBe(1);
    expect(clock(ms('2026-11-24T03:00:00Z'), 'Asia/Kolkata')).toBe('08:30–09:30');
  });
  it('adds up the hour that the clock shows twice, and leaves empty the one it leaps over', () => {
    const back = days(
      [at('2026-10-25T00:00:00Z'), at('2026-10-25T01:00:00Z')],
      '2026-10-25T00:00:00Z',
      '2026-10-25T20:00:00Z',
      'Europe/Berlin',
    );
    expect(back).toHaveLength(1);
    expect(back[0]!.cells[2]!.hours).toHaveLength(2);
    const leap = days(
      [at('2026-03-29T00:00:00Z'), at('2026-03-29T01:00:00Z')],
      '2026-03-29T00:00:00Z',
      '2026-03-29T20:00:00Z',
      'Europe/Berlin',
    );
    expect(leap[0]!.cells.map(sum).slice(0, 4)).toEqual([0, 1, 0, 1]);
  });
  it('has each day once, also over a change of the clock', () => {
    const rows = days([], '2026-10-20T12:00:00Z', '2026-10-30T12:00:00Z', 'America/New_York');
    expect(rows).toHaveLength(11);
    expect(rows[0]!.key).toBe('2026-10-30');
  });
  it('sums up days of the week', () => {
    const rows = heatOf(
      [at('2026-11-23T09:00:00Z'), at('2026-11-16T09:00:00Z'), at('2026-11-22T09:00:00Z')],
      0,
      0,
      'weekday',
      'UTC',
    );
    expect(rows).toHaveLength(7);
    expect(sum(rows[0]!.cells[9]!)).toBe(2);
    expect(sum(rows[6]!.cells[9]!)).toBe(1);
  });
  it('is not made pale by one hour', () => {
    const hours = Array.from({ length: 100 }, (_, i) => at(new Date(i * 3_600_000).toISOString(), 10));
    hours[50]!.reads = 100_000;
    const rows = heatOf(hours, 0, 100 * 3_600_000, 'day', 'UTC');
    expect(mostOf(rows)).toBe(10);
    expect(level(10, 10)).toBe(LEVELS);
    expect(level(100_000, 10)).toBe(LEVELS);
    expect(level(0, 10)).toBe(0);
    expect(level(1, 10_000)).toBe(1);
    expect(mostOf([])).toBe(0);
  });
});

describe('short times', () => {
  it('tell the day only where it is another', () => {
    setPrefs({ region: 'en-GB' });
    const now = new Date(2026, 10, 27, 12).getTime();
    expect(clockTime(new Date(2026, 10, 27, 9, 5, 7).toISOString(), now)).toBe('09:05:07');
    expect(clockTime(new Date(2026, 10, 26, 9, 5).toISOString(), now)).toMatch(/^26 Nov.* 09:05$/);
    expect(clockTime(new Date(2025, 10, 26, 9, 5).toISOString(), now)).toMatch(/2025/);
  });
  it('are as long as they are', () => {
    expect([3, 90, 7200, 86_400 * 3].map(span)).toEqual(['3 s', '2 min', '2 h', '3 days']);
  });
});
