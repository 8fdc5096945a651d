// Schedules in plain words: the usual ones are picked, all others are written as five fields. What it means is told by the server.

export type Picked =
  | { kind: 'week'; days: number[]; hour: number; minute: number }
  | { kind: 'month'; day: number | 'L'; hour: number; minute: number }
  | { kind: 'hours'; every: number; minute: number }
  | { kind: 'cron'; cron: string };

/** 1 Monday to 7 Sunday, as everywhere here; cron calls Sunday 0 too. */
function daysOf(text: string): number[] | undefined {
  if (text === '*') return [1, 2, 3, 4, 5, 6, 7];
  const days = new Set<number>();
  for (const part of text.split(',')) {
    const m = /^([0-7])(?:-([0-7]))?$/.exec(part);
    if (!m) return undefined;
    const from = Number(m[1]);
    const to = Number(m[2] ?? m[1]);
    if (to < from) return undefined;
    for (let d = from; d <= to; d++) days.add(d === 0 ? 7 : d);
  }
  return [...days].sort((a, b) => a - b);
}

function dayList(days: number[]): string {
  if (days.length === 7) return '*';
  const parts: string[] = [];
  for (let i = 0; i < days.length;) {
    let end = i;
    while (end + 1 < days.length && days[end + 1] === days[end]! + 1) end++;
    parts.push(end - i > 1 ? `${days[i]}-${days[end]}` : days.slice(i, end + 1).join(','));
    i = end + 1;
  }
  return parts.join(',');
}

const within = (text: string, most: number) => /^\d{1,2}$/.test(text) && Number(text) <= most;

/** What a cron expression is among the usual ones. */
export function pickedOf(cron: string): Picked {
  const custom: Picked = { kind: 'cron', cron };
  const fields = cron.trim().split(/\s+/);
  const [m, h, d, mo, w] = fields;
  if (fields.length !== 5 || !within(m!, 59) || mo !== '*') return custom;
  const minute = Number(m);
  if (d === '*' && w === '*' && (h === '*' || /^\*\/\d{1,2}$/.test(h!))) {
    const every = h === '*' ? 1 : Number(h!.slice(2));
    return every > 0 && 24 % every === 0 ? { kind: 'hours', every, minute } : custom;
  }
  if (!within(h!, 23)) return custom;
  const hour = Number(h);
  if (d === '*') {
    const days = daysOf(w!);
    return days ? { kind: 'week', days, hour, minute } : custom;
  }
  if (w === '*' && (d!.toUpperCase() === 'L' || (within(d!, 31) && Number(d) > 0)))
    return { kind: 'month', day: d!.toUpperCase() === 'L' ? 'L' : Number(d), hour, minute };
  return custom;
}

export function cronOf(p: Picked): string {
  switch (p.kind) {
    case 'cron':
      return p.cron;
    case 'hours':
      return `${p.minute} ${p.every === 1 ? '*' : `*/${p.every}`} * * *`;
    case 'month':
      return `${p.minute} ${p.hour} ${p.day} * *`;
    default:
      return `${p.minute} ${p.hour} * * ${dayList(p.days)}`;
  }
}
