// What tests of rooms share: a pretended altod behind fetch, a console at an address, and how it is looked at.
import { i18n } from '@lingui/core';
import { I18nProvider } from '@lingui/react';
import { QueryClientProvider } from '@tanstack/react-query';
import { cleanup, configure, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { App as AntApp } from 'antd';
import { MemoryRouter } from 'react-router';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { answer, makeWorld, type Mood } from '../tools/fake.mjs';
import { makeClient } from './api/data';
import Inside from './inside';

// Whether an element is hidden is worked out from all styles, which takes seconds here; the end-to-end test looks at what is really seen.
configure({ defaultHidden: true, asyncUtilTimeout: 10_000 });
vi.setConfig({ testTimeout: 30_000 });

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body?: unknown;
  headers: Headers;
}
export const asked: Asked[] = [];

/** The pretended server; a test may answer some requests itself. */
export function serve(mood: Mood, own?: (a: Asked) => { status: number; body: unknown } | undefined) {
  const world = makeWorld(Date.now(), mood);
  vi.stubGlobal('fetch', async (request: Request) => {
    const url = new URL(request.url);
    const text = request.method === 'GET' ? '' : await request.text();
    const one: Asked = {
      method: request.method,
      path: url.pathname.replace('/api/v1', ''),
      query: url.searchParams,
      body: text && request.headers.get('Content-Type')?.includes('json') ? JSON.parse(text) : undefined,
      headers: request.headers,
    };
    asked.push(one);
    if (mood === 'loading' && one.path !== '/session') return new Promise<Response>(() => undefined);
    const { status, body } = own?.(one) ?? answer(world, one.method, request.url, one.body);
    return new Response(status === 204 ? null : JSON.stringify(body), {
      status,
      headers: { 'Content-Type': 'application/json' },
    });
  });
}

export function visit(path: string) {
  const client = makeClient();
  client.setDefaultOptions({ queries: { ...client.getDefaultOptions().queries, retry: false } });
  return render(
    <QueryClientProvider client={client}>
      <I18nProvider i18n={i18n}>
        <AntApp>
          <MemoryRouter initialEntries={[path]}>
            <Inside />
          </MemoryRouter>
        </AntApp>
      </I18nProvider>
    </QueryClientProvider>,
  );
}

export const wide = (yes: boolean) =>
  vi.stubGlobal('matchMedia', (query: string) => ({
    matches: yes && /min-width/.test(query),
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined,
  }));
export const main = () => document.getElementById('main')!;
export const find = (text: string | RegExp) =>
  waitFor(() => {
    expect(main().textContent).toMatch(text);
  });
export const press = async (name: string | RegExp) =>
  fireEvent.click(await screen.findByRole('button', { name }));
export const sent = (method: string, path: string | RegExp) =>
  asked.find((a) => a.method === method && (typeof path === 'string' ? a.path === path : path.test(a.path)));

const plain = window.getComputedStyle.bind(window);

beforeEach(() => {
  asked.length = 0;
  vi.stubGlobal('getComputedStyle', (of: Element) => plain(of)); // jsdom knows no pseudo-elements and says so each time
  wide(true);
  vi.stubGlobal(
    'ResizeObserver',
    class {
      observe() {}
      unobserve() {}
      disconnect() {}
    },
  );
  vi.stubGlobal(
    'EventSource',
    class {
      readyState = 1;
      addEventListener() {}
      close() {}
    },
  );
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

export const PROBLEM = {
  type: 'about:blank',
  title: 'The server failed',
  status: 500,
  code: 'internal',
  detail: 'No disk.',
};

/** What every room shows: its data, what to do when there is none, a failure in the server's words, and that it loads. */
export function moods(path: string, data: string, nothing: string | RegExp) {
  it('shows its data', async () => {
    serve('full');
    visit(path);
    await find(data);
  });
  it('says what to do when there is nothing', async () => {
    serve('empty');
    visit(path);
    await find(nothing);
  });
  it('tells a failure in the words of the server and tries again when asked', async () => {
    let broken = true;
    serve('full', (a) => (broken && a.path !== '/session' ? { status: 500, body: PROBLEM } : undefined));
    visit(path);
    await find('No disk.');
    broken = false;
    for (const again of within(main()).getAllByRole('button', { name: /Try again/ })) fireEvent.click(again);
    await find(data);
  });
  it('shows that it loads', async () => {
    serve('loading');
    visit(path);
    await waitFor(() => expect(main().querySelector('.ant-skeleton')).toBeTruthy());
    expect(main().textContent).not.toMatch(data);
  });
}
