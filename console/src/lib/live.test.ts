import { describe, expect, it } from 'vitest';
import { type Channel, Live, type LiveEvent, SILENCE_MS, type Source, type World } from './live';

class FakeSource implements Source {
  onopen: ((e: Event) => void) | null = null;
  onerror: ((e: Event) => void) | null = null;
  readyState = 0;
  closed = false;
  private acts = new Map<string, (e: MessageEvent<string>) => void>();
  constructor(readonly url: string) {}
  addEventListener(kind: string, act: (e: MessageEvent<string>) => void): void {
    this.acts.set(kind, act);
  }
  close(): void {
    this.closed = true;
  }
  say(kind: string, id: string, data: unknown): void {
    this.acts.get(kind)!({ data: JSON.stringify(data), lastEventId: id } as MessageEvent<string>);
  }
  break(): void {
    this.readyState = 2;
    this.onerror?.(new Event('error'));
  }
}

/** A browser of several tabs: one lock handed on in order, channels that reach the others. */
function fakeBrowser() {
  const sources: FakeSource[] = [];
  const channels: Channel[] = [];
  const timers: (() => void)[] = [];
  const waits: number[] = [];
  const server = { up: true };
  const wires: ((up: boolean) => void)[] = [];
  const queue: (() => void)[] = [];
  let held = false;
  const next = () => {
    held = false;
    queue.shift()?.();
  };
  const world = (withChannel = true): World => ({
    open: (url) => {
      sources.push(new FakeSource(url));
      return sources[sources.length - 1]!;
    },
    channel: () => {
      if (!withChannel) return undefined;
      const channel: Channel = {
        onmessage: null,
        postMessage: (data) =>
          channels.filter((c) => c !== channel).forEach((c) => c.onmessage?.({ data } as MessageEvent)),
        close: () => void channels.splice(channels.indexOf(channel), 1),
      };
      channels.push(channel);
      return channel;
    },
    lock: (_name, signal, act) =>
      new Promise((resolve, reject) => {
        const go = () => {
          if (signal.aborted) {
            reject(new Error('aborted'));
            next();
            return;
          }
          held = true;
          void act().then(() => {
            resolve();
            next();
          });
        };
        if (held) queue.push(go);
        else go();
      }),
    later: (act, ms) => {
      timers.push(act);
      waits.push(ms);
      return () => void (timers.includes(act) && timers.splice(timers.indexOf(act), 1));
    },
    answers: () => Promise.resolve(server.up),
    network: (told) => {
      wires.push(told);
      return () => void wires.splice(wires.indexOf(told), 1);
    },
  });
  return { sources, timers, waits, server, wires, world };
}

function tab(world: World) {
  const events: LiveEvent[] = [];
  const states: string[] = [];
  const live = new Live(
    world,
    'x',
    (e) => events.push(e),
    (s) => states.push(s),
  );
  live.start();
  return { live, events, states };
}

describe('live events', () => {
  it('opens one stream for two tabs, and both hear it', () => {
    const b = fakeBrowser();
    const one = tab(b.world());
    const two = tab(b.world());
    expect(b.sources).toHaveLength(1);
    b.sources[0]!.say('job', 'e-1', { id: 'j' });
    expect(one.events).toEqual([{ kind: 'job', id: 'e-1', data: { id: 'j' } }]);
    expect(two.events).toEqual(one.events);
  });

  it('hands the stream on, from the last event', async () => {
    const b = fakeBrowser();
    const one = tab(b.world());
    const two = tab(b.world());
    b.sources[0]!.say('host', 'e-7', {});
    one.live.close();
    await Promise.resolve().then(() => Promise.resolve());
    expect(b.sources[0]!.closed).toBe(true);
    expect(b.sources).toHaveLength(2);
    expect(b.sources[1]!.url).toBe('/api/v1/events?last_event_id=e-7');
    expect(two.live.leading).toBe(true);
  });

  it('comes back after a closed stream, asking for what it missed', () => {
    const b = fakeBrowser();
    const one = tab(b.world());
    b.sources[0]!.onopen?.(new Event('open'));
    b.sources[0]!.say('job', 'e-3', {});
    b.sources[0]!.break();
    expect(one.states).toEqual(['live', 'lost']);
    b.timers.shift()!();
    expect(b.sources[1]!.url).toContain('last_event_id=e-3');
    b.sources[1]!.onopen?.(new Event('open'));
    expect(one.live.state).toBe('live');
  });

  it('tells a new tab how the stream is', () => {
    const b = fakeBrowser();
    tab(b.world());
    b.sources[0]!.onopen?.(new Event('open'));
    expect(tab(b.world()).live.state).toBe('live');
  });

  it('leaves out what is no JSON', () => {
    const b = fakeBrowser();
    const one = tab(b.world());
    const source = b.sources[0]! as unknown as { acts: Map<string, (e: unknown) => void> };
    source.acts.get('job')!({ data: '{', lastEventId: '1' });
    expect(one.events).toEqual([]);
  });

  it('works without channels', () => {
    const b = fakeBrowser();
    const one = tab(b.world(false));
    b.sources[0]!.say('audit', 'e-1', {});
    expect(one.events).toHaveLength(1);
    one.live.close();
    expect(b.sources[0]!.closed).toBe(true);
  });

  it('asks after a silence whether the server is there, and says it is lost when it is not', async () => {
    const b = fakeBrowser();
    const one = tab(b.world());
    b.sources[0]!.onopen?.(new Event('open'));
    expect(b.waits).toEqual([SILENCE_MS]);
    b.timers.shift()!();
    await Promise.resolve().then(() => Promise.resolve());
    expect(one.live.state).toBe('live');
    b.server.up = false;
    b.timers.shift()!();
    await Promise.resolve().then(() => Promise.resolve());
    expect(one.live.state).toBe('lost');
    expect(b.sources[0]!.closed).toBe(true);
    b.timers.shift()!();
    b.sources[1]!.onopen?.(new Event('open'));
    expect(one.live.state).toBe('live');
  });

  it('does not ask while events come', () => {
    const b = fakeBrowser();
    tab(b.world());
    b.sources[0]!.onopen?.(new Event('open'));
    b.sources[0]!.say('job', 'e-1', {});
    b.sources[0]!.say('job', 'e-2', {});
    expect(b.timers).toHaveLength(1);
  });

  it('is lost at once without a network, and comes back with it', () => {
    const b = fakeBrowser();
    const one = tab(b.world());
    b.sources[0]!.onopen?.(new Event('open'));
    b.wires[0]!(false);
    expect(one.live.state).toBe('lost');
    expect(b.sources[0]!.closed).toBe(true);
    b.wires[0]!(true);
    expect(b.sources).toHaveLength(2);
    b.sources[1]!.onopen?.(new Event('open'));
    expect(one.states).toEqual(['live', 'lost', 'live']);
    one.live.close();
    expect(b.wires).toEqual([]);
  });
});
