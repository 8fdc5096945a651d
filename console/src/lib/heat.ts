// Accesses by hour as a map of days or weekdays and hours, in the reader's time zone. Hours come in UTC and begin with it: where the zone is off by half an
// hour, an hour of the map is the one in which the hour of UTC begins; where the clock is put back, an hour of the map holds two.

import { dateText, shownZone, wallClock, weekdayName } from './format';

export interface HourSum {
  at: string;
  reads: number;
  writes: number;
}
export interface Cell {
  reads: number;
  writes: number;
  /** The hours of UTC that are in it, in ms; none: nothing happened, or it does not exist. */
  hours: number[];
}
export interface HeatRow {
  key: string;
  name: string;
  full: string;
  cells: Cell[];
  reads: number;
  writes: number;
}
export type HeatBy = 'day' | 'weekday';
export const sum = (c: { reads: number; writes: number }): number => c.reads + c.writes;

interface Local {
  day: string;
  weekday: number;
  hour: number;
}
/** As wallClock tells them. */

// eslint-disable-next-line lingui/no-unlocalized-strings
const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

/** What the clock on the wall says. */
function localOf(zone: string | undefined): (ms: number) => Local {
  const clockOf = wallClock(zone);
  return (ms) => {
    const part = clockOf(ms);
    return {
      day: `${part.year}-${part.month}-${part.day}`,
      weekday: WEEKDAYS.indexOf(part.weekday!),
      hour: Number(part.hour),
    };
  };
}

function rowOf(key: string, name: string, full: string): HeatRow {
  const cells = Array.from({ length: 24 }, (): Cell => ({ reads: 0, writes: 0, hours: [] }));
  return { key, name, full, cells, reads: 0, writes: 0 };
}

/** All days from the first to the last, latest first, or the seven days of the week. */
export function heatOf(
  hours: HourSum[],
  from: number,
  to: number,
  by: HeatBy,
  zone: string | undefined = shownZone(),
): HeatRow[] {
  const local = localOf(zone);
  const rows = new Map<string, HeatRow>();
  if (by === 'weekday')
    WEEKDAYS.forEach((_, i) => rows.set(String(i), rowOf(String(i), weekdayName(i), weekdayName(i, true))));
  else {
    const last = Date.parse(`${local(to).day}T00:00:00Z`);
    const first = Date.parse(`${local(from).day}T00:00:00Z`);
    for (let day = last; day >= first; day -= 86_400_000) {
      const key = new Date(day).toISOString().slice(0, 10);
      rows.set(key, rowOf(key, dateText(day, 'weekday', 'UTC'), dateText(day, 'dayFull', 'UTC')));
    }
  }
  for (const h of hours) {
    const ms = Date.parse(h.at);
    const l = local(ms);
    const row = rows.get(by === 'weekday' ? String(l.weekday) : l.day);
    if (!row) continue;
    const cell = row.cells[l.hour]!;
    cell.reads += h.reads;
    cell.writes += h.writes;
    cell.hours.push(ms);
    row.reads += h.reads;
    row.writes += h.writes;
  }
  return [...rows.values()];
}

export const LEVELS = 5;
/** What counts as most: all but the busiest fiftieth of the hours with any are below it, so that one of them does not make all others look alike. */
export function mostOf(rows: HeatRow[]): number {
  const all = rows
    .flatMap((r) => r.cells.map(sum))
    .filter((n) => n > 0)
    .sort((a, b) => a - b);
  return all[Math.floor(0.98 * (all.length - 1))] ?? 0;
}

/** How dark: 0 none, 1 to LEVELS by the square root of the share of the most. */
export function level(n: number, most: number): number {
  return n <= 0 || most <= 0 ? 0 : Math.min(LEVELS, Math.max(1, Math.ceil(Math.sqrt(n / most) * LEVELS)));
}

/** "14:00–15:00", as the clock on the wall; of the first hour in it, so that zones off by half an hour are told right. */
export function clock(ms: number, zone: string | undefined = shownZone()): string {
  const clockOf = wallClock(zone);
  const at = (t: number) => {
    const part = clockOf(t);
    return `${part.hour}:${part.minute}`;
  };
  return `${at(ms)}–${at(ms + 3_600_000)}`;
}
