// Sizes, counts and times as people read them. No dependency on where the browser is, except through Intl.

import { prefs } from './prefs';

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
  const text = value
    .toFixed(digits)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
  return `${n < 0 ? '−' : ''}${text} ${names[unit]}`;
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function count(n: number | null | undefined): string {
  return n === null || n === undefined ? '–' : whole.format(n);
}

/** "1 file", "1,204 files". */
export function counted(n: number | null | undefined, one: string, more = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : more}`;
}

/** 1234567 → "1.23 M", for tiles. */
export function compact(n: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: n < 1000 ? 0 : 2 }).format(
    n,
  );
}

export function percent(part: number, all: number): string {
  if (!(all > 0)) return '–';
  const p = (100 * part) / all;
  return p > 0 && p < 0.1 ? '<0.1 %' : `${p.toFixed(p < 10 ? 1 : 0)} %`;
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
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** "3 minutes ago"; "now" within five seconds. */
export function ago(at: string | null | undefined, now: number = Date.now()): string {
  if (!at) return 'never';
  const s = (new Date(at).getTime() - now) / 1000;
  if (Math.abs(s) < 5) return 'now';
  const unit = (STEPS.find(([limit]) => Math.abs(s) < limit) ?? STEPS[STEPS.length - 1]!)[1];
  return relative.format(Math.round(s / SECONDS[unit]!), unit);
}

/** The reader's own time zone, with its name. */
export function local(at: string | null | undefined): string {
  if (!at) return '–';
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' }).format(new Date(at));
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

const DONE: Record<string, string> = {
  tier: 'tiered',
  archive: 'archived',
  recall: 'recalled',
  refuse: 'refused',
};
/** What was done, of the name of an act: "tier" → "tiered". */
export function done(act: string): string {
  return DONE[act] ?? words(act);
}

/** "rule_no_longer_matches" → "rule no longer matches" */
export function words(name: string): string {
  return name.replace(/_/g, ' ');
}

/** Short, for lists that grow: the time alone where it is today, else with its day. In the reader's time zone. */
export function clockTime(at: string, now: number = Date.now()): string {
  const when = new Date(at);
  const today = when.toDateString() === new Date(now).toDateString();
  const year = when.getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat('en-GB', {
    ...(today ? {} : { day: 'numeric', month: 'short', ...(year ? {} : { year: 'numeric' }) }),
    hour: '2-digit',
    minute: '2-digit',
    ...(today ? { second: '2-digit' } : {}),
  }).format(when);
}

/** Of seconds, as long as it is: "12 s", "3 min", "2 h", "5 days". */
export function span(s: number): string {
  if (s < 60) return `${Math.round(s)} s`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  if (s < 2 * 86_400) return `${Math.round(s / 3600)} h`;
  return counted(Math.floor(s / 86_400), 'day');
}
