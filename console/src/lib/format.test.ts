import { afterEach, describe, expect, it } from 'vitest';
import { setPrefs } from './prefs';
import { counted } from './counted';
import { ago, bytes, count, dateText, duration, local, money, percent } from './format';
import { done, words } from './words';

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1_234_567, '1.23 MB'],
    [999_950, '1 MB'],
    [12_300_000_000, '12.3 GB'],
    [5e15, '5 PB'],
    [-2048, '−2.05 kB'],
  ])('%d is %s', (n, text) => expect(bytes(n)).toBe(text));
  it('has a dash for what is not known', () => expect(bytes(null)).toBe('–'));
});

describe('ago', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  it.each([
    ['2026-11-23T11:59:58Z', 'now'],
    ['2026-11-23T11:58:00Z', '2 minutes ago'],
    ['2026-11-22T12:00:00Z', 'yesterday'],
    ['2024-11-23T12:00:00Z', '2 years ago'],
  ])('%s is %s', (at, text) => expect(ago(at, now)).toBe(text));
  it('says never', () => expect(ago(null, now)).toBe('never'));
});

it('keeps small shares visible', () => {
  expect(percent(1, 100000)).toBe('<0.1 %');
  expect(percent(1, 0)).toBe('–');
  expect(percent(1, 3)).toBe('33 %');
});

it('tells durations in two units', () => {
  expect(duration(3_723_000)).toBe('1 h 2 min');
  expect(duration(61_000)).toBe('1 min 1 s');
});

it('tells an act as done', () =>
  expect([done('tier'), done('drop_marker')]).toEqual(['tiered', 'drop marker']));
it('reads names as words', () => expect(words('rule_no_longer_matches')).toBe('rule no longer matches'));

it('counts one and many', () => {
  expect(counted(1, 'file')).toBe('1 file');
  expect(counted(0, 'file')).toBe('0 files');
  expect(counted(41_280, 'access')).toBe('41,280 accesses');
});

it('tells the zone with a time', () => {
  setPrefs({ region: 'en-GB' });
  expect(local('2026-11-23T12:00:00Z')).toMatch(/^23 Nov 2026, \d\d:\d\d:\d\d \S+/);
  setPrefs({ region: '' });
});

describe('the region', () => {
  afterEach(() => setPrefs({ region: '', times: 'recent' }));
  it('has its separators and its order of a date, in English words', () => {
    setPrefs({ region: 'de-DE' });
    expect([count(1_234_567), bytes(1_234_567), percent(1, 30)]).toEqual(['1.234.567', '1,23 MB', '3,3 %']);
    expect(dateText('2026-11-23T12:00:00Z', 'day', 'UTC')).toBe('23 Nov 2026');
    expect(money(1234.5, 'EUR')).toMatch(/^1\.235\s€$/);
    setPrefs({ region: 'en-US' });
    expect([count(1_234_567), dateText('2026-11-23T12:00:00Z', 'day', 'UTC')]).toEqual([
      '1,234,567',
      'Nov 23, 2026',
    ]);
  });
  it('may be none a browser knows', () => {
    setPrefs({ region: 'no such place!' });
    expect(count(1_234_567)).toBe('1,234,567');
  });
  it('has digits that everybody here reads', () => {
    setPrefs({ region: 'ar-EG' });
    expect(count(1234)).toMatch(/^1.234$/);
  });
  it('does not make times of a region without English those of the United States', () => {
    setPrefs({ region: 'fr-FR' });
    expect(dateText('2026-11-23T12:00:00Z', 'day', 'UTC')).toBe('23 Nov 2026');
  });
  it('is put aside by UTC where that is wanted', () => {
    setPrefs({ region: 'en-GB', times: 'utc' });
    expect(local('2026-11-23T23:30:00Z')).toBe('23 Nov 2026, 23:30:00 UTC');
  });
});

it('nothing else asks Intl how to write something', () => {
  const found = Object.entries(
    import.meta.glob('../**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true }),
  ).flatMap(([name, text]) =>
    /format(\.test)?\.ts$/.test(name) ||
    !/\bIntl\.|\.toLocale(String|DateString|TimeString)\(/.test(text as string)
      ? []
      : [name],
  );
  expect(found).toEqual([]);
});
