// A file to the server in pieces: what was received is never sent again, a piece that failed is tried again, and where the two disagree the server is asked.
import { ApiFailure } from '../api/client';

export interface Receiver<T extends { received: number; size: number }> {
  put: (offset: number, piece: Blob, signal: AbortSignal) => Promise<T>;
  /** What the server has now. */
  get: (signal: AbortSignal) => Promise<T>;
}
export interface Progress {
  received: number;
  size: number;
  /** Bytes a second of late; 0: not known yet. */
  speed: number;
  /** Why it waits, while it tries again. */
  waiting?: string;
}
interface How {
  piece: number;
  signal: AbortSignal;
  told: (p: Progress) => void;
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  clock?: () => number;
  tries?: number;
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((done, fail) => {
    const stop = () => {
      clearTimeout(timer);
      fail(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      done();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });

const passing = (e: unknown) =>
  e instanceof ApiFailure && (e.status === 0 || e.status === 429 || e.status >= 500);

/** Sends what is missing, and returns what the server has then. Throws what cannot be mended by trying again, and the signal's reason. */
export async function upload<T extends { received: number; size: number }>(
  file: Blob,
  begin: T,
  to: Receiver<T>,
  { piece, signal, told, wait = pause, clock = Date.now, tries = 8 }: How,
): Promise<T> {
  let now = begin;
  let failed = 0;
  let speed = 0;
  const tell = (waiting?: string) => told({ received: now.received, size: now.size, speed, waiting });
  const answered = async <R>(act: () => Promise<R>): Promise<R | undefined> => {
    signal.throwIfAborted();
    try {
      const got = await act();
      failed = 0;
      return got;
    } catch (e) {
      signal.throwIfAborted();
      if (e instanceof ApiFailure && e.status === 409 && failed === 0) {
        // It has more, or less, than was thought: as when the answer to a piece was lost.
        failed++;
        now = await to.get(signal);
        return undefined;
      }
      if (!passing(e) || ++failed >= tries) throw e;
      tell((e as ApiFailure).message);
      await wait(Math.min(30_000, 500 * 2 ** failed), signal);
      now =
        (await to.get(signal).catch((x: unknown) => {
          if (!passing(x)) throw x;
          return undefined;
        })) ?? now;
      return undefined;
    }
  };
  tell();
  while (now.received < now.size) {
    const at = now.received;
    const began = clock();
    const got = await answered(() => to.put(at, file.slice(at, Math.min(at + piece, now.size)), signal));
    if (got) {
      const took = Math.max(1, clock() - began);
      const rate = ((got.received - at) * 1000) / took;
      speed = speed === 0 ? rate : 0.7 * speed + 0.3 * rate;
      now = got;
    }
    tell();
  }
  return now;
}
