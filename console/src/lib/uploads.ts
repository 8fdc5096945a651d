// Uploads that go on while one looks at other rooms. They end with the page; what arrived stays at the server, and the same file goes on from there.
import { useSyncExternalStore } from 'react';
import { CHUNK_BYTES, getImport, type Import, putContent } from '../api/calls';
import { type Progress, upload } from './upload';

export interface Running extends Progress {
  error?: Error;
}

const running = new Map<string, { stop: AbortController; told: Running }>();
const listeners = new Set<() => void>();
const tell = () => listeners.forEach((l) => l());

const guard = (e: BeforeUnloadEvent) => e.preventDefault();
function watchLeaving() {
  const any = [...running.values()].some((r) => !r.told.error);
  window[any ? 'addEventListener' : 'removeEventListener']('beforeunload', guard as EventListener);
}

export function startUpload(file: Blob, begin: Import, done: (last: Import) => void): void {
  if (running.get(begin.id) && !running.get(begin.id)!.told.error) return;
  const stop = new AbortController();
  const set = (told: Running) => {
    running.set(begin.id, { stop, told });
    tell();
  };
  set({ received: begin.received, size: begin.size, speed: 0 });
  watchLeaving();
  void upload(
    file,
    begin,
    {
      put: (offset, piece, signal) => putContent(begin.id, offset, piece, signal),
      get: (signal) => getImport(begin.id, signal),
    },
    { piece: CHUNK_BYTES, signal: stop.signal, told: set },
  )
    .then((last) => {
      running.delete(begin.id);
      done(last);
    })
    .catch((error: unknown) => {
      if (stop.signal.aborted) running.delete(begin.id);
      else set({ ...running.get(begin.id)!.told, waiting: undefined, error: error as Error });
    })
    .finally(() => {
      tell();
      watchLeaving();
    });
}

export function stopUpload(id: string): void {
  running.get(id)?.stop.abort(new Error('stopped'));
}

export function useUpload(id: string): Running | undefined {
  return useSyncExternalStore(
    (l) => {
      listeners.add(l);
      return () => listeners.delete(l);
    },
    () => running.get(id)?.told,
  );
}
