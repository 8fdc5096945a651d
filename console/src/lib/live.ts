// Live events: one stream for all tabs of a browser. The tab that holds the lock has it and passes on what comes; when it is closed
// the lock goes to another, which goes on from the last event anybody saw.

export const KINDS = [
  'job',
  'host',
  'volume',
  'share',
  'import',
  'figures',
  'audit',
  'access',
  'reset',
] as const;
export type Kind = (typeof KINDS)[number];
export interface LiveEvent {
  kind: Kind;
  id: string;
  data: unknown;
}
export type LiveState = 'connecting' | 'live' | 'lost';

export interface Source {
  onopen: ((e: Event) => void) | null;
  onerror: ((e: Event) => void) | null;
  readonly readyState: number;
  addEventListener(kind: string, act: (e: MessageEvent<string>) => void): void;
  close(): void;
}

export interface Channel {
  postMessage(message: unknown): void;
  onmessage: ((e: MessageEvent) => void) | null;
  close(): void;
}

export interface World {
  open(url: string): Source;
  channel(name: string): Channel | undefined;
  /** Calls held() once the lock is this tab's, and keeps it until that promise ends or signal aborts. */
  lock(name: string, signal: AbortSignal, held: () => Promise<void>): Promise<void>;
  later(act: () => void, ms: number): () => void;
  /** Whether the server answers at all. A stream whose other end is gone without a word would seem alive for many minutes. */
  answers(): Promise<boolean>;
  /** Calls when the browser goes off the network or comes back. Returns how to stop. */
  network(tell: (up: boolean) => void): () => void;
}

type Message = { t: 'event'; event: LiveEvent } | { t: 'state'; state: LiveState } | { t: 'hello' };

const CLOSED = 2;
const RETRY_MS = [1000, 2000, 5000, 10000, 20000];
/** Silence after which it is asked whether the server is there. */
export const SILENCE_MS = 30_000;

export class Live {
  private channel: Channel | undefined;
  private readonly stop = new AbortController();
  private source: Source | undefined;
  private cancel: (() => void) | undefined;
  private unwatch: (() => void) | undefined;
  private offline: (() => void) | undefined;
  private last = '';
  private tries = 0;
  private release: (() => void) | undefined;
  state: LiveState = 'connecting';
  leading = false;

  constructor(
    private readonly world: World,
    private readonly name: string,
    private readonly onEvent: (e: LiveEvent) => void,
    private readonly onState: (s: LiveState) => void,
  ) {}

  start(): void {
    this.channel = this.world.channel(this.name);
    if (this.channel) {
      this.channel.onmessage = (e) => this.heard(e.data as Message);
      this.channel.postMessage({ t: 'hello' } satisfies Message);
    }
    const lead = () =>
      new Promise<void>((resolve) => {
        this.release = resolve;
        this.leading = true;
        this.offline = this.world.network((up) => (up ? this.again() : this.fail()));
        this.connect();
      });
    this.world.lock(this.name, this.stop.signal, lead).catch(() => undefined);
  }

  close(): void {
    this.stop.abort();
    this.cancel?.();
    this.unwatch?.();
    this.offline?.();
    this.source?.close();
    this.source = undefined;
    this.leading = false;
    this.release?.();
    this.channel?.close();
  }

  private heard(message: Message): void {
    if (message.t === 'event') this.take(message.event);
    else if (message.t === 'state') this.become(message.state);
    else if (this.leading) this.channel?.postMessage({ t: 'state', state: this.state } satisfies Message);
  }

  private take(event: LiveEvent): void {
    if (event.id) this.last = event.id;
    this.onEvent(event);
  }

  private become(state: LiveState): void {
    if (this.state === state) return;
    this.state = state;
    this.onState(state);
    if (this.leading) this.channel?.postMessage({ t: 'state', state } satisfies Message);
  }

  /** The stream is given up, to be opened again by whoever calls. */
  private fail(): void {
    this.unwatch?.();
    this.cancel?.();
    this.source?.close();
    this.source = undefined;
    this.become('lost');
  }

  private again(): void {
    if (this.state === 'live') return;
    this.fail();
    this.connect();
  }

  /** When nothing comes for a while, asks whether there is still somebody. */
  private watch(): void {
    this.unwatch?.();
    this.unwatch = this.world.later(() => {
      const of = this.source;
      void this.world.answers().then((yes) => {
        if (this.stop.signal.aborted || of !== this.source) return;
        if (yes) this.watch();
        else {
          this.fail();
          this.retry();
        }
      });
    }, SILENCE_MS);
  }

  private retry(): void {
    this.cancel = this.world.later(
      () => this.connect(),
      RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]!,
    );
  }

  private connect(): void {
    if (this.stop.signal.aborted) return;
    const source = this.world.open(
      `/api/v1/events${this.last ? `?last_event_id=${encodeURIComponent(this.last)}` : ''}`,
    );
    this.source = source;
    source.onopen = () => {
      this.tries = 0;
      this.become('live');
      this.watch();
    };
    source.onerror = () => {
      if (source.readyState !== CLOSED) return this.become('lost'); // It comes back by itself, with Last-Event-ID.
      this.fail();
      this.retry();
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, (e) => this.arrived(kind, e));
    }
  }

  private arrived(kind: Kind, e: MessageEvent<string>): void {
    this.watch();
    let data: unknown;
    try {
      data = JSON.parse(e.data);
    } catch {
      return; // Nothing that could be shown; the next load tells.
    }
    const event: LiveEvent = { kind, id: e.lastEventId, data };
    this.take(event);
    this.channel?.postMessage({ t: 'event', event } satisfies Message);
  }
}

export const browser: World = {
  open: (url) => new EventSource(url) as unknown as Source,
  channel: (name) =>
    typeof BroadcastChannel === 'undefined' ? undefined : (new BroadcastChannel(name) as unknown as Channel),
  // navigator.locks exists only on https and localhost: elsewhere every tab has its own stream.
  lock: async (name, signal, held) => {
    if (navigator.locks) await navigator.locks.request(name, { signal }, held);
    else await held();
  },
  later: (act, ms) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
  answers: () =>
    fetch('/api/v1/health', { cache: 'no-store', signal: AbortSignal.timeout(10_000) }).then(
      () => true,
      () => false,
    ),
  network: (tell) => {
    const up = () => tell(true);
    const down = () => tell(false);
    window.addEventListener('online', up);
    window.addEventListener('offline', down);
    return () => {
      window.removeEventListener('online', up);
      window.removeEventListener('offline', down);
    };
  },
};
