// Sizes, counts and times as people read them: the one place that asks Intl, so that all of them are written alike. Words are those of the language; digits,
// separators and the order of a date are those of the reader's region; times are in the reader's zone, or in UTC where that was chosen.

import { i18n } from '@lingui/core';
import { plural, t } from '@lingui/core/macro';
import { prefs } from './prefs';

/** The region's way of writing numbers: the browser's, or the one that was chosen. English is written everywhere; German in a browser that is not, as in Germany. */
function numbersAs(): string {
  const own = typeof navigator === 'undefined' ? 'en' : navigator.language;
  const wanted = prefs().region || (i18n.locale === 'de' && !/^de\b/i.test(own) ? 'de-DE' : own);
  try {
    return new Intl.Locale(wanted, { numberingSystem: 'latn' }).toString();
  } catch {
    return 'en'; // such as "C"
  }
}

/** The language as it is written in the reader's region. */
function wordsAs(): string {
  const region = new Intl.Locale(numbersAs()).maximize().region;
  if (i18n.locale !== 'en') return `${i18n.locale}-${region}`;
  const found = `en-${region}`;
  // A region for which English is not described would get the ways of the United States.
  return region === 'US' || new Intl.DateTimeFormat(found).resolvedOptions().locale !== 'en'
    ? found
    : 'en-150';
}

// Formats are slow to make: each is kept.
const kept = new Map<string, unknown>();
function keep<F>(key: string, make: () => F): F {
  const all = `${i18n.locale} ${prefs().region} ${key}`;
  let found = kept.get(all) as F | undefined;
  if (!found) kept.set(all, (found = make()));
  return found;
}

/** A number with as many places as asked for at most. */
export function number(n: number, places = 0): string {
  return keep(
    `n${places}`,
    () => new Intl.NumberFormat(numbersAs(), { maximumFractionDigits: places }),
  ).format(n);
}

/** Money, in a currency by its code. */
export function money(n: number, currency: string): string {
  const places = Math.abs(n) >= 1000 ? 0 : 2;
  try {
    return keep(
      `m${places}${currency}`,
      () =>
        new Intl.NumberFormat(numbersAs(), { style: 'currency', currency, maximumFractionDigits: places }),
    ).format(n);
  } catch {
    return `${number(n, 2)} ${currency}`; // no currency the browser knows
  }
}

const UNITS = {
  decimal: ['B', 'kB', 'MB', 'GB', 'TB', 'PB'],
  binary: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'],
};

/** 1,234,567 bytes → "1.23 MB": three significant digits at most, in the units the reader chose. */
export function bytes(n: number | null | undefined, units: keyof typeof UNITS = prefs().units): string {
  if (n === null || n === undefined || !Number.isFinite(n)) return '–';
  const names = UNITS[units];
  const step = units === 'binary' ? 1024 : 1000;
  let value = Math.abs(n);
  let unit = 0;
  while (value >= step - 0.5 && unit < names.length - 1) {
    value /= step;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${n < 0 ? '−' : ''}${number(value, digits)} ${names[unit]}`;
}

export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? '–' : number(n);
}

/** 1234567 → "1.23 M", for tiles. */
export function compact(n: number): string {
  const places = n < 1000 ? 0 : 2;
  return keep(
    `c${places}`,
    () => new Intl.NumberFormat(wordsAs(), { notation: 'compact', maximumFractionDigits: places }),
  ).format(n);
}

export function percent(part: number, all: number): string {
  if (!(all > 0)) return '–';
  const p = (100 * part) / all;
  return p > 0 && p < 0.1
    ? `<${number(0.1, 1)} %`
    : `${keep(`p${p < 10}`, () => {
        const places = p < 10 ? 1 : 0;
        return new Intl.NumberFormat(numbersAs(), {
          minimumFractionDigits: places,
          maximumFractionDigits: places,
        });
      }).format(p)} %`;
}

const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, 'second'],
  [3600, 'minute'],
  [86400, 'hour'],
  [86400 * 30, 'day'],
  [86400 * 365, 'month'],
  [Infinity, 'year'],
];
const SECONDS: Record<string, number> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86400,
  month: 86400 * 30,
  year: 86400 * 365,
};

/** "3 minutes ago"; "now" within five seconds. */
export function ago(at: string | null | undefined, now: number = Date.now()): string {
  if (!at) return t`never`;
  const s = (new Date(at).getTime() - now) / 1000;
  if (Math.abs(s) < 5) return t`now`;
  const unit = (STEPS.find(([limit]) => Math.abs(s) < limit) ?? STEPS[STEPS.length - 1]!)[1];
  return keep('ago', () => new Intl.RelativeTimeFormat(i18n.locale, { numeric: 'auto' })).format(
    Math.round(s / SECONDS[unit]!),
    unit,
  );
}

/** So long a time is told as how long ago it is; then by its date. */
export const RECENT_MS = 7 * 86_400_000;

const STYLES = {
  /** With seconds and the zone's name. */
  full: { dateStyle: 'medium', timeStyle: 'long' },
  minute: { dateStyle: 'medium', timeStyle: 'short' },
  day: { dateStyle: 'medium' },
  dayFull: { dateStyle: 'full' },
  dayShort: { day: 'numeric', month: 'short' },
  weekday: { weekday: 'short', day: 'numeric', month: 'short' },
  dayOfWeek: { weekday: 'short' },
  dayOfWeekFull: { weekday: 'long' },
  weekdayLong: { weekday: 'long', day: 'numeric', month: 'short' },
  run: {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  },
  clock: { hour: '2-digit', minute: '2-digit' },
  clockSeconds: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
  dayClock: { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  yearClock: { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' },
} satisfies Record<string, Intl.DateTimeFormatOptions>;
export type TimeStyle = keyof typeof STYLES;

/** The reader's own time zone. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** The zone times are told in: undefined is the browser's. */
export function shownZone(): string | undefined {
  return prefs().times === 'utc' ? 'UTC' : undefined;
}

/** Every time zone the browser knows, UTC first, then the reader's own. */
export function zones(): string[] {
  const all = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : [];
  return [...new Set(['UTC', ownZone(), ...all])];
}

/** A time or date in one of the ways it is written here; in the reader's zone, or in this one. */
export function dateText(
  at: string | number,
  style: TimeStyle,
  zone: string | undefined = shownZone(),
): string {
  return keep(
    `d${style} ${zone}`,
    () => new Intl.DateTimeFormat(wordsAs(), { ...STYLES[style], timeZone: zone }),
  ).format(new Date(at));
}

/** "Mon" or "Monday" of 0, up to Sunday of 6. */
export const weekdayName = (day: number, long = false): string =>
  dateText(Date.UTC(2024, 0, 1 + day), long ? 'dayOfWeekFull' : 'dayOfWeek', 'UTC');

/** In the zone times are told in, with its name. own: in the reader's own, whatever was chosen. */
export function local(at: string | null | undefined, which?: 'own'): string {
  return at ? dateText(at, 'full', which === 'own' ? ownZone() : shownZone()) : '–';
}

/** The hour and what else a clock on the wall says there, for counting: never shown as it is. */
export function wallClock(zone: string | undefined): (ms: number) => Record<string, string> {
  const format = keep(
    `w${zone}`,
    () =>
      new Intl.DateTimeFormat('en-GB', {
        timeZone: zone,
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
        hour: '2-digit',
        minute: '2-digit',
        hourCycle: 'h23',
        weekday: 'long',
      }),
  );
  return (ms) => Object.fromEntries(format.formatToParts(ms).map((p) => [p.type, p.value]));
}

export function utc(at: string | null | undefined): string {
  return at
    ? `${new Date(at)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, '')} UTC`
    : '–';
}

export function duration(ms: number): string {
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

/** Short, for lists that grow: the time alone where it is today, else with its day. */
export function clockTime(at: string, now: number = Date.now()): string {
  const day = (ms: string | number) => dateText(ms, 'day');
  if (day(at) === day(now)) return dateText(at, 'clockSeconds');
  const year = (ms: string | number) => wallClock(shownZone())(new Date(ms).getTime()).year;
  return dateText(at, year(at) === year(now) ? 'dayClock' : 'yearClock');
}

/** Of seconds, as long as it is: "12 s", "3 min", "2 h", "5 days". */
export function span(s: number): string {
  if (s < 60) return `${Math.round(s)} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  if (s < 2 * 86_400) return `${Math.round(s / 3600)} h`;
  const days = Math.floor(s / 86_400);
  const n = count(days);
  return plural(days, { one: `${n} day`, other: `${n} days` });
}

/** "5 days ago", as short. */
export function spanAgo(s: number): string {
  const short = span(s);
  if (s < 2 * 86_400) return t`${short} ago`;
  const days = Math.floor(s / 86_400);
  const n = count(days);
  return plural(days, { one: `${n} day ago`, other: `${n} days ago` });
}
