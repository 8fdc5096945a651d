// One client for the whole console: typed by api/openapi.yaml, with cookies, the CSRF header, problem details as errors.
import { t } from '@lingui/core/macro';
import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './types.gen';

export type Schemas = components['schemas'];
export type Customer = Schemas['Customer'];
export type Host = Schemas['Host'];
export type Share = Schemas['Share'];
export type Volume = Schemas['Volume'];
export type Rule = Schemas['Rule'];
export type Job = Schemas['Job'];
export type FileEntry = Schemas['File'];
export type User = Schemas['User'];
export type Session = Schemas['Session'];
export type Problem = Schemas['Problem'];

/** What went wrong, as the server says it (RFC 9457), or why it could not be asked. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.status = problem.status;
    this.problem = problem;
  }
}

let csrf: string | undefined;
let onLoggedOut: () => void = () => undefined;

export function setCsrf(value: string | undefined): void {
  csrf = value;
}

export function whenLoggedOut(act: () => void): void {
  onLoggedOut = act;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const body: unknown = await response.clone().json();
    if (body && typeof body === 'object' && 'title' in body) return body as Problem;
  } catch {
    // No JSON: a proxy answered, say.
  }
  return {
    type: 'about:blank',
    title: response.statusText || t`The server answered with an error`,
    status: response.status,
    code: 'internal',
  };
}

const guard: Middleware = {
  onRequest({ request }) {
    if (csrf && request.method !== 'GET' && request.method !== 'HEAD')
      request.headers.set('X-Alto-Csrf', csrf);
    return request;
  },
  async onResponse({ request, response }) {
    if (response.ok || response.status === 304) return response;
    if (response.status === 401 && !new URL(request.url).pathname.endsWith('/session')) onLoggedOut();
    throw new ApiFailure(await problemOf(response));
  },
  onError({ error }) {
    if (error instanceof ApiFailure) return error;
    return new ApiFailure({
      type: 'about:blank',
      title: t`The server cannot be reached`,
      status: 0,
      code: 'unreachable',
      detail: t`The server cannot be reached. Is altod running, and the network up? It is tried again by itself.`,
    });
  },
};

export const api = createClient<paths>({
  baseUrl: typeof window === 'undefined' ? 'http://localhost/api/v1' : `${window.location.origin}/api/v1`,
  credentials: 'same-origin',
  // Looked up at each call: what takes fetch's place later is used too.
  fetch: (request) => globalThis.fetch(request),
});
api.use(guard);

/** The data of a call, or an ApiFailure thrown. */
export async function must<T>(call: Promise<{ data?: T; error?: unknown }>): Promise<T> {
  const { data, error } = await call;
  if (error instanceof Error) throw error;
  return data as T;
}

/** If-Match of a noun that is changed. */
export function ifMatch(noun: { version: number }): { 'If-Match': string } {
  return { 'If-Match': `"${noun.version}"` };
}

export function sayFailure(error: unknown): string {
  if (error instanceof ApiFailure) {
    if (error.status === 412)
      return t`Somebody changed this meanwhile. Look at it again, then repeat your change.`;
    return error.message;
  }
  return error instanceof Error ? error.message : t`Something went wrong`;
}
