// Windows of a rule as hours of a week: spans as the server keeps them (doc/format/schedule.md) to minutes and back. Monday is 1.
import { t } from '@lingui/core/macro';
import type { Span } from '../api/calls';
import { weekdayName } from './format';

export const DAY = 1440;
export const WEEK = 7 * DAY;
export const SPANS_MAX = 32;
/** Mon to Sun. */
export const dayNames = (): string[] => Array.from({ length: 7 }, (_, day) => weekdayName(day));

/** "06:30" → 390; "24:00" → 1440. */
export function minuteOf(text: string): number | undefined {
  const m = /^(\d\d):(\d\d)$/.exec(text);
  if (!m || Number(m[2]) > 59) return undefined;
  const at = Number(m[1]) * 60 + Number(m[2]);
  return at <= DAY ? at : undefined;
}

export function timeOf(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

/** One byte a minute of the week, 1 where work may be done. */
export function coverOf(spans: Span[]): Uint8Array {
  const cover = new Uint8Array(WEEK);
  for (const s of spans) {
    const from = minuteOf(s.from);
    const to = minuteOf(s.to);
    if (from === undefined || to === undefined || from === DAY) continue;
    // An end at or before the begin is on the next day.
    const length = to > from ? to - from : DAY - from + to;
    for (const day of s.days) for (let i = 0; i < length; i++) cover[((day - 1) * DAY + from + i) % WEEK] = 1;
  }
  return cover;
}

/** As few spans as tell the same; a stretch of more than a day is cut at midnight. */
export function spansOf(cover: Uint8Array): Span[] {
  const groups = new Map<string, Span>();
  const add = (at: number, length: number) => {
    const from = at % DAY;
    const end = from + length;
    const span = { from: timeOf(from), to: timeOf(end > DAY ? end - DAY : end) };
    const key = `${span.from}-${span.to}`;
    const group = groups.get(key) ?? { ...span, days: [] };
    group.days.push(Math.floor((at % WEEK) / DAY) + 1);
    groups.set(key, group);
  };
  const first = cover.findIndex((on, i) => on === 0 && cover[(i + 1) % WEEK] === 1);
  if (first < 0) {
    if (cover[0]) for (let d = 0; d < 7; d++) add(d * DAY, DAY);
  } else {
    for (let i = 1; i <= WEEK;) {
      const at = first + i;
      if (!cover[at % WEEK]) {
        i++;
        continue;
      }
      let length = 0;
      while (cover[(at + length) % WEEK]) length++;
      for (let from = at, left = length; left > 0;) {
        const piece = length <= DAY ? left : Math.min(left, DAY - (from % DAY));
        add(from, piece);
        from += piece;
        left -= piece;
      }
      i += length;
    }
  }
  return [...groups.values()]
    .map((g) => ({ days: g.days.sort((a, b) => a - b), from: g.from, to: g.to }))
    .sort((a, b) => a.days[0]! - b.days[0]! || a.from.localeCompare(b.from));
}

/** How much of each hour is covered: 0, 1, or in between. */
export function hourShare(cover: Uint8Array, day: number, hour: number): number {
  let sum = 0;
  for (let i = 0; i < 60; i++) sum += cover[day * DAY + hour * 60 + i]!;
  return sum / 60;
}

export function setHour(cover: Uint8Array, day: number, hour: number, on: boolean): Uint8Array {
  const next = cover.slice();
  next.fill(on ? 1 : 0, day * DAY + hour * 60, day * DAY + hour * 60 + 60);
  return next;
}

/** [1,2,3,5] → "Mon–Wed, Fri" */
export function dayText(days: number[]): string {
  const names = dayNames();
  const parts: string[] = [];
  for (let i = 0; i < days.length;) {
    let end = i;
    while (end + 1 < days.length && days[end + 1] === days[end]! + 1) end++;
    const a = names[days[i]! - 1]!;
    const b = names[days[end]! - 1]!;
    parts.push(end - i > 1 ? `${a}–${b}` : end > i ? `${a}, ${b}` : a);
    i = end + 1;
  }
  return days.length === 7 ? t`every day` : parts.join(', ');
}

export function spanText(s: Span): string {
  const whole = s.from === '00:00' && (s.to === '24:00' || s.to === '00:00');
  return `${dayText(s.days)} ${whole ? t`all day` : `${s.from}–${s.to}`}`;
}
