import { i18n } from '@lingui/core';
import { I18nProvider } from '@lingui/react';
import { QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { MemoryRouter } from 'react-router';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { api, ApiFailure, must, sayFailure } from './api/client';
import { makeApplier, makeClient, type PageOf } from './api/data';
import { backFrom } from './rooms/login';
import { RuleText } from './ui/ruletext';

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const answer = (status: number, body: unknown) =>
  Promise.resolve(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }));
const ask = (status: number, body: unknown) =>
  must(api.GET('/health', { fetch: () => answer(status, body) })).then(
    () => undefined,
    (e: unknown) => e as ApiFailure,
  );

describe('failures of the server', () => {
  it('are told in its words', async () => {
    const e = await ask(409, {
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      code: 'exists',
      detail: 'The name is taken.',
    });
    expect(e).toBeInstanceOf(ApiFailure);
    expect([e!.status, e!.problem.code, e!.message]).toEqual([409, 'exists', 'The name is taken.']);
  });
  it('say what to do when somebody was faster', async () =>
    expect(sayFailure(await ask(412, { title: 'x', status: 412, code: 'changed' }))).toMatch(
      /Somebody changed this/,
    ));
  it('are told without JSON too', async () => expect((await ask(502, '<html>'))!.status).toBe(502));
  it('tell that nobody answers', async () => {
    const e = await must(api.GET('/health', { fetch: () => Promise.reject(new TypeError('no')) })).then(
      () => undefined,
      (x: unknown) => x as ApiFailure,
    );
    expect(e!.problem.code).toBe('unreachable');
  });
});

describe('live events in the cache', () => {
  const cached = () => {
    const client = makeClient();
    client.setQueryData(['jobs', undefined], {
      pages: [{ items: [{ id: 'a', version: 2, state: 'running' }], next_cursor: null }],
      pageParams: [undefined],
    });
    const first = () =>
      client.getQueryData<{ pages: PageOf<{ state: string }>[] }>(['jobs', undefined])!.pages[0]!.items[0]!
        .state;
    return { client, first };
  };
  it('replace an older self', () => {
    const { client, first } = cached();
    makeApplier(
      client,
      () => undefined,
    )({ kind: 'job', id: '1', data: { id: 'a', version: 3, state: 'done' } });
    expect(first()).toBe('done');
  });
  it('never replace a newer one', () => {
    const { client, first } = cached();
    makeApplier(
      client,
      () => undefined,
    )({ kind: 'job', id: '1', data: { id: 'a', version: 1, state: 'queued' } });
    expect(first()).toBe('running');
  });
  it('of an import leave its look, which they do not carry, and have a newer one asked for', () => {
    const client = makeClient();
    const key = ['import', 'i'];
    client.setQueryData(key, { id: 'i', version: 4, state: 'ready', rows: 0, look: { rows: [] } });
    const tell = (data: object) => makeApplier(client, () => undefined)({ kind: 'import', id: '1', data });
    tell({ id: 'i', version: 4, state: 'ready', rows: 0 });
    expect(client.getQueryData(key)).toMatchObject({ look: { rows: [] } });
    tell({ id: 'i', version: 5, state: 'ready', rows: 0 });
    expect(client.getQueryState(key)).toMatchObject({ isInvalidated: true, data: { version: 4 } });
    tell({ id: 'i', version: 6, state: 'running', rows: 7 });
    expect(client.getQueryData(key)).toMatchObject({ version: 6, state: 'running', rows: 7 });
    tell({ id: 'i', version: 5, state: 'ready', rows: 0 });
    expect(client.getQueryData(key)).toMatchObject({ version: 6 });
  });
  it('ask once for many that are not shown', () => {
    const { client } = cached();
    const later = vi.fn();
    const apply = makeApplier(client, later);
    for (const id of ['x', 'y', 'z']) apply({ kind: 'host', id, data: { id, version: 1 } });
    expect(later).toHaveBeenCalledTimes(1);
  });
});

it('goes back only to places of this console', () => {
  expect(backFrom('/rules?x=1')).toBe('/rules?x=1');
  for (const bad of [null, '//evil', '/\\evil', 'https://evil', '/login?back=/'])
    expect(backFrom(bad)).toBe('/');
});

it('marks the wrong part of a rule and tells what was expected', () => {
  const change = vi.fn();
  const { container } = render(
    <QueryClientProvider client={makeClient()}>
      <I18nProvider i18n={i18n}>
        <MemoryRouter>
          <RuleText
            value="size > 10XB"
            onChange={change}
            error={{ at: 7, length: 4, message: 'is no size', expected: 'a size' }}
          />
        </MemoryRouter>
      </I18nProvider>
    </QueryClientProvider>,
  );
  expect(container.querySelector('mark')!.textContent).toBe('10XB');
  expect(screen.getByText('a size')).toBeTruthy();
  fireEvent.change(screen.getByLabelText('Which files'), { target: { value: 'true' } });
  expect(change).toHaveBeenCalledWith('true');
});
