import stub from '../../../src/agent/stub/stub.h?raw';
import plans from '../../../src/server/inventory/plan_sql.c?raw';
import { explain } from './reasons';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ApiFailure } from '../api/client';
import { cronOf, pickedOf } from './cron';
import { diff } from './diff';
import { type Progress, upload } from './upload';
import { coverOf, dayText, hourShare, minuteOf, setHour, spansOf, spanText, SPANS_MAX } from './week';

describe('windows of a week', () => {
  it('are the same spans again', () => {
    const nights = [{ days: [1, 2, 3, 4, 5], from: '20:00', to: '06:00' }];
    expect(spansOf(coverOf(nights))).toEqual(nights);
    const both = [...nights, { days: [6, 7], from: '00:00', to: '24:00' }];
    // Friday's night runs into Saturday: one stretch until Sunday's end, cut at midnight.
    expect(coverOf(spansOf(coverOf(both)))).toEqual(coverOf(both));
    expect(spansOf(coverOf([{ days: [7], from: '22:15', to: '01:30' }]))).toEqual([
      { days: [7], from: '22:15', to: '01:30' },
    ]);
    expect(spansOf(coverOf([{ days: [3], from: '10:00', to: '10:00' }]))).toEqual([
      { days: [3], from: '10:00', to: '10:00' },
    ]);
  });
  it('are all of the week, or none of it', () => {
    expect(spansOf(coverOf([]))).toEqual([]);
    const all = [{ days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' }];
    expect(spansOf(coverOf(all))).toEqual(all);
    expect(spansOf(coverOf([{ days: [1, 2, 3, 4, 5, 6, 7], from: '09:00', to: '09:00' }]))).toEqual(all);
  });
  it('mean the same after any change', () => {
    const time = fc
      .integer({ min: 0, max: 1439 })
      .map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`);
    const span = fc.record({
      days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      from: time,
      to: fc.oneof(time, fc.constant('24:00')),
    });
    fc.assert(
      fc.property(
        fc.array(span, { maxLength: 5 }),
        fc.integer({ min: 0, max: 6 }),
        fc.integer({ min: 0, max: 23 }),
        fc.boolean(),
        (spans, day, hour, on) => {
          const cover = setHour(coverOf(spans), day, hour, on);
          expect(hourShare(cover, day, hour)).toBe(on ? 1 : 0);
          const again = spansOf(cover);
          expect(coverOf(again).join('')).toBe(cover.join(''));
          for (const s of again) expect(minuteOf(s.from)).toBeLessThan(1440);
        },
      ),
      { numRuns: 60 },
    );
  });
  it('are more spans than the server takes only for patterns nobody draws', () => {
    let cover = coverOf([]);
    for (let d = 0; d < 7; d++) for (let h = d % 2; h < 24; h += 2) cover = setHour(cover, d, h, true);
    expect(spansOf(cover).length).toBeLessThanOrEqual(SPANS_MAX);
  });
  it('are told in words', () => {
    expect(dayText([1, 2, 3, 5])).toBe('Mon–Wed, Fri');
    expect(dayText([6, 7])).toBe('Sat, Sun');
    expect(spanText({ days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', to: '24:00' })).toBe('every day all day');
    expect(spanText({ days: [1], from: '20:00', to: '06:00' })).toBe('Mon 20:00–06:00');
  });
});

describe('schedules', () => {
  it.each([
    ['0 20 * * 1-5', { kind: 'week', days: [1, 2, 3, 4, 5], hour: 20, minute: 0 }],
    ['30 2 * * *', { kind: 'week', days: [1, 2, 3, 4, 5, 6, 7], hour: 2, minute: 30 }],
    ['0 6 * * 6,7', { kind: 'week', days: [6, 7], hour: 6, minute: 0 }],
    ['15 * * * *', { kind: 'hours', every: 1, minute: 15 }],
    ['0 */6 * * *', { kind: 'hours', every: 6, minute: 0 }],
    ['0 3 1 * *', { kind: 'month', day: 1, hour: 3, minute: 0 }],
    ['0 3 L * *', { kind: 'month', day: 'L', hour: 3, minute: 0 }],
  ])('%s is picked and written again', (cron, picked) => {
    expect(pickedOf(cron)).toEqual(picked);
    expect(cronOf(pickedOf(cron))).toBe(cron);
  });
  it('on Sunday by either of its numbers', () => {
    expect(pickedOf('0 6 * * 0')).toEqual({ kind: 'week', days: [7], hour: 6, minute: 0 });
  });
  it.each([
    '*/15 * * * *',
    '0 0 13 * fri',
    '@daily',
    '0 20 * jan *',
    '0 */5 * * *',
    '0 24 * * *',
    'x',
    '',
    '0 3 0 * *',
  ])('%s stays as it is written', (cron) => {
    expect(pickedOf(cron)).toEqual({ kind: 'cron', cron });
  });
});

describe('what changed in a text', () => {
  it('is told by the word', () => {
    expect(diff('size >= 10MB and ext in (mov, mxf)', 'size >= 20MB and ext in (mov)')).toEqual([
      { text: 'size >=', is: 'same' },
      { text: ' 10MB', is: 'gone' },
      { text: ' 20MB', is: 'new' },
      { text: ' and ext in (mov', is: 'same' },
      { text: ', mxf', is: 'gone' },
      { text: ')', is: 'same' },
    ]);
  });
  it('gives both texts back, whatever they are', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        const d = diff(a, b);
        const join = (not: string) =>
          d
            .filter((p) => p.is !== not)
            .map((p) => p.text)
            .join('');
        expect([join('new').trimEnd(), join('gone').trimEnd()]).toEqual([a.trimEnd(), b.trimEnd()]);
      }),
    );
  });
});

describe('an upload', () => {
  const failure = (status: number) =>
    new ApiFailure({ type: 'about:blank', title: 'No', status, code: 'busy' });
  /** A server that keeps what it gets; `wrong` may spoil the n-th piece. */
  function server(size: number, received = 0, wrong?: (n: number) => Error | 'lost' | undefined) {
    const kept = new Uint8Array(size);
    const s = { received, size };
    let n = 0;
    const put = vi.fn(async (offset: number, piece: Blob) => {
      const w = wrong?.(n++);
      if (w instanceof Error) throw w;
      if (offset !== s.received) throw failure(409);
      kept.set(new Uint8Array(await piece.arrayBuffer()), offset);
      s.received += piece.size;
      if (w === 'lost') throw failure(0);
      return { ...s };
    });
    return { kept, put, get: () => Promise.resolve({ ...s }), s };
  }
  const data = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 255);
  const send = (
    to: ReturnType<typeof server>,
    told: (p: Progress) => void = () => undefined,
    signal = new AbortController().signal,
  ) => upload(new Blob([data]), { ...to.s }, to, { piece: 128, signal, told, wait: () => Promise.resolve() });

  it('arrives whole, a piece at a time', async () => {
    const to = server(1000);
    const seen: number[] = [];
    expect((await send(to, (p) => seen.push(p.received))).received).toBe(1000);
    expect(to.kept).toEqual(data);
    expect(to.put).toHaveBeenCalledTimes(8);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
  it('goes on where it was left', async () => {
    const to = server(1000, 640);
    to.kept.set(data.slice(0, 640));
    await send(to);
    expect(to.put).toHaveBeenCalledTimes(3);
    expect(to.put.mock.calls[0]![0]).toBe(640);
    expect(to.kept).toEqual(data);
  });
  it('tries a piece again, and tells that it waits', async () => {
    const to = server(1000, 0, (n) => (n === 2 || n === 3 ? failure(503) : undefined));
    const waits: string[] = [];
    await send(to, (p) => p.waiting && waits.push(p.waiting));
    expect(to.kept).toEqual(data);
    expect(waits).toHaveLength(2);
  });
  it('sends nothing twice when only the answer was lost', async () => {
    const to = server(1000, 0, (n) => (n === 1 ? 'lost' : undefined));
    await send(to);
    expect(to.put).toHaveBeenCalledTimes(8);
    expect(to.kept).toEqual(data);
  });
  it('asks where the server is when the two disagree', async () => {
    const to = server(1000);
    await upload(new Blob([data]), { received: 128, size: 1000 }, to, {
      piece: 128,
      signal: new AbortController().signal,
      told: () => undefined,
    });
    expect(to.kept).toEqual(data);
  });
  it('gives up on what trying again does not mend', async () => {
    const refused = server(1000, 0, () => failure(403));
    await expect(send(refused)).rejects.toMatchObject({ status: 403 });
    expect(refused.put).toHaveBeenCalledTimes(1);
    const away = server(1000, 0, () => failure(0));
    await expect(send(away)).rejects.toMatchObject({ status: 0 });
    expect(away.put).toHaveBeenCalledTimes(8);
    const never = server(1000, 0, () => failure(409));
    await expect(send(never)).rejects.toMatchObject({ status: 409 });
  });
  it('stops when it is told to', async () => {
    const to = server(1000);
    const stop = new AbortController();
    await expect(
      send(to, (p) => p.received >= 256 && stop.abort(new Error('enough')), stop.signal),
    ).rejects.toThrow('enough');
    expect(to.s.received).toBe(256);
  });
});

describe('reasons', () => {
  const refusals = [...stub.matchAll(/X\(STUB_R_\w+, "(\w+)"\)/g)].map((m) => m[1]!);
  const known = [...plans.matchAll(/^ {4}\{"(\w+)", /gm)].map((m) => m[1]!);
  it('are found in the sources', () => {
    expect(refusals.length).toBeGreaterThan(20);
    expect(known).toContain('newer_than_the_date');
  });
  it.each(
    [...new Set([...refusals, ...known, 'excluded', 'pinned', 'earlier_rule'])].filter((r) => r !== 'none'),
  )('%s is explained', (reason) => expect(explain(reason)).toBeTruthy());
});
