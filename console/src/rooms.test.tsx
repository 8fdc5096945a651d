// Every room against a pretended altod: with data, without any, while loading and when the server fails.
import { QueryClientProvider } from '@tanstack/react-query';
import { cleanup, configure, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { App as AntApp } from 'antd';
import { MemoryRouter } from 'react-router';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answer, makeWorld, type Mood } from '../tools/fake.mjs';
import { makeClient } from './api/data';
import Inside from './inside';

// Whether an element is hidden is worked out from all styles, which takes seconds here; the end-to-end test looks at what is really seen.
configure({ defaultHidden: true, asyncUtilTimeout: 10_000 });
vi.setConfig({ testTimeout: 30_000 });

const CUSTOMER = '01jcst00000000000000000000';
const VOLUME = '01jvxm00000000000000000000';
const RULE = '01jrvx00000000000000000001';
const JOB = '01jjxb00000000000000000000';

interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body?: unknown;
  headers: Headers;
}
let asked: Asked[] = [];

/** The pretended server; a test may answer some requests itself. */
function serve(mood: Mood, own?: (a: Asked) => { status: number; body: unknown } | undefined) {
  const world = makeWorld(Date.now(), mood);
  vi.stubGlobal('fetch', async (request: Request) => {
    const url = new URL(request.url);
    const text = request.method === 'GET' ? '' : await request.text();
    const one: Asked = {
      method: request.method,
      path: url.pathname.replace('/api/v1', ''),
      query: url.searchParams,
      body: text ? JSON.parse(text) : undefined,
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

function visit(path: string) {
  const client = makeClient();
  client.setDefaultOptions({ queries: { ...client.getDefaultOptions().queries, retry: false } });
  return render(
    <QueryClientProvider client={client}>
      <AntApp>
        <MemoryRouter initialEntries={[path]}>
          <Inside />
        </MemoryRouter>
      </AntApp>
    </QueryClientProvider>,
  );
}

const wide = (yes: boolean) =>
  vi.stubGlobal('matchMedia', (query: string) => ({
    matches: yes && /min-width/.test(query),
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
    addListener: () => undefined,
    removeListener: () => undefined,
  }));
const main = () => document.getElementById('main')!;
const find = (text: string | RegExp) =>
  waitFor(() => {
    expect(main().textContent).toMatch(text);
  });
const press = async (name: string | RegExp) => fireEvent.click(await screen.findByRole('button', { name }));
const sent = (method: string, path: string | RegExp) =>
  asked.find((a) => a.method === method && (typeof path === 'string' ? a.path === path : path.test(a.path)));

const plain = window.getComputedStyle.bind(window);

beforeEach(() => {
  asked = [];
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

// room, its address, what it shows of data, and what it says when there is none
const ROOMS: [string, string, string, string][] = [
  ['Overview', '/', '90.3 TB', 'Begin with a host'],
  ['Customers', '/customers', 'Northlight Post', 'No customer yet'],
  ['Hosts', '/hosts', 'media-01', 'No host yet'],
  ['Volumes', '/volumes', '/srv/projects', 'No volume yet'],
  ['Files', `/volumes/${VOLUME}/files`, 'IMG_0000009', 'This folder is empty'],
  ['Shares', '/shares', 'cold-b', 'No share yet'],
  ['Rules', '/rules', 'Masters after a quarter', 'No rule yet'],
  ['Jobs', '/jobs', 'check share', 'No job'],
  ['Job', `/jobs/${JOB}`, 'A program has it open', 'No file has been handled yet'],
  ['Audit', '/audit', 'file: recall', 'No event'],
];

describe.each(ROOMS)('%s', (_name, path, data, nothing) => {
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
    serve('full', (a) =>
      broken && a.path !== '/session'
        ? {
            status: 500,
            body: {
              type: 'about:blank',
              title: 'The server failed',
              status: 500,
              code: 'internal',
              detail: 'The inventory could not be read.',
            },
          }
        : undefined,
    );
    visit(path);
    await find('The inventory could not be read.');
    broken = false;
    for (const again of within(main()).getAllByRole('button', { name: /Try again/ })) fireEvent.click(again);
    await find(data);
  });
  it('shows that it loads', async () => {
    serve('loading');
    visit(path);
    await waitFor(() => {
      expect(main().querySelector('.ant-skeleton')).toBeTruthy();
    });
    expect(main().textContent).not.toMatch(data);
  });
});

describe('on a phone', () => {
  it('lists are cards with the same acts', async () => {
    wide(false);
    serve('full');
    visit('/volumes');
    await find('/srv/projects');
    expect(main().querySelector('table')).toBeNull();
    expect(within(main()).getAllByRole('listitem')).toHaveLength(5);
    fireEvent.click(within(main()).getByRole('button', { name: 'More for scans' }));
    expect(await screen.findByRole('menuitem', { name: 'Scan now' })).toBeTruthy();
  });
  it('files are chosen and recalled', async () => {
    wide(false);
    serve('full');
    visit(`/volumes/${VOLUME}/files`);
    await find('IMG_0000009');
    fireEvent.click(screen.getByRole('checkbox', { name: /Choose IMG_0000012/ }));
    await press('Recall 1');
    await waitFor(() => {
      expect(sent('POST', `/volumes/${VOLUME}/recall`)).toBeTruthy();
    });
    expect((sent('POST', `/volumes/${VOLUME}/recall`)!.body as { paths: string[] }).paths).toEqual([
      expect.stringMatching(/IMG_0000012/),
    ]);
  });
});

describe('what is done', () => {
  it('a host is renamed with its version', async () => {
    serve('full');
    visit('/hosts');
    await press('More for media-02');
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Rename' }));
    const dialog = await screen.findByRole('dialog');
    fireEvent.change(within(dialog).getByLabelText('Name'), { target: { value: 'encoder' } });
    fireEvent.click(within(dialog).getByRole('button', { name: 'Save' }));
    await waitFor(() => {
      expect(sent('PATCH', /^\/hosts\//)).toBeTruthy();
    });
    expect(sent('PATCH', /^\/hosts\//)!.body).toEqual({ name: 'encoder' });
    expect(sent('PATCH', /^\/hosts\//)!.headers.get('If-Match')).toBe('"2"');
    expect(sent('PATCH', /^\/hosts\//)!.headers.get('X-Alto-Csrf')).toBe('c');
  });
  it('a volume is edited, and what somebody changed meanwhile is told', async () => {
    serve('full', (a) =>
      a.method === 'PATCH'
        ? { status: 412, body: { type: 'about:blank', title: 'Changed', status: 412, code: 'changed' } }
        : undefined,
    );
    visit('/volumes');
    await press('More for projects');
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Edit' }));
    const dialog = await screen.findByRole('dialog');
    await within(dialog).findByText('cold-a');
    fireEvent.change(within(dialog).getByLabelText('Name'), { target: { value: 'films' } });
    fireEvent.click(within(dialog).getByRole('button', { name: 'Save' }));
    await within(dialog).findByText(/Somebody changed this meanwhile/);
    expect(sent('PATCH', /^\/volumes\//)!.body).toEqual({
      name: 'films',
      share_id: '01jshr00000000000000000000',
    });
  });
  it('a volume is reconciled, and its job counts markers', async () => {
    serve('full');
    visit('/volumes');
    await press('More for projects');
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Reconcile stubs' }));
    await find('Markers seen');
    expect(sent('POST', `/volumes/${VOLUME}/reconcile`)).toBeTruthy();
    await find('1,840 of 1,840 markers');
    await find('Size or time of the stub were changed.');
    await find('It could not be judged now');
    expect(main().textContent).not.toMatch('later. Such as');
  });
  it('a share is checked where it stands, and what came of it is told', async () => {
    serve('full');
    visit('/shares');
    await find('cold-a');
    fireEvent.click(screen.getAllByRole('button', { name: 'Check now' })[0]!);
    await find('Checked by media-01: address, user and password are right.');
    expect(sent('POST', /^\/shares\/[^/]+\/check$/)!.body).toEqual({});
    fireEvent.click(screen.getAllByRole('button', { name: 'Check now' })[1]!);
    await find('Checked by media-01 just now.');
    fireEvent.click(screen.getAllByRole('button', { name: 'Check now' })[3]!);
    await find('no host of this customer is online');
    expect(main().textContent).not.toMatch('just now.');
  });
  it('a picker asks the server, so that more than one page can be found', async () => {
    serve('full');
    visit(`/rules/new?customer=${CUSTOMER}`);
    const field = await screen.findByRole('combobox', { name: 'Volume' });
    fireEvent.mouseDown(field);
    fireEvent.change(field, { target: { value: 'sca' } });
    await waitFor(() => {
      expect(
        asked.some(
          (a) =>
            a.path === '/volumes' && a.query.get('q') === 'sca' && a.query.get('customer_id') === CUSTOMER,
        ),
      ).toBe(true);
    });
  });
  it('a name beyond the first page is asked for by itself', async () => {
    const far = '01jvxmfar00000000000000000';
    serve('full', (a) => {
      if (a.path === '/rules')
        return {
          status: 200,
          body: {
            items: [{ ...(makeWorld(Date.now(), 'full').rules as object[])[0], volume_id: far }],
            next_cursor: null,
          },
        };
      return a.path === `/volumes/${far}`
        ? { status: 200, body: { id: far, name: 'far away', version: 1 } }
        : undefined;
    });
    visit('/rules');
    await find('far away');
  });
  it('a mistake in a rule is marked, and the rule cannot be saved', async () => {
    serve('full');
    visit(`/rules/${RULE}`);
    const text = await screen.findByRole('textbox', { name: 'Which files' });
    fireEvent.change(text, { target: { value: 'size >= 10XB' } });
    await waitFor(() => {
      expect(document.querySelector('mark')?.textContent).toBe('10XB');
    });
    expect(screen.getByRole('button', { name: 'Save' }).hasAttribute('disabled')).toBe(true);
  });
  it('a preview tells what would happen and why files stay', async () => {
    serve('full');
    visit(`/rules/${RULE}`);
    await press('Preview');
    await find('412,806');
    await find('Its data is on the share already.');
    expect(sent('POST', `/rules/${RULE}/preview`)).toBeTruthy();
  });
  it('outcomes are filtered by reason, and by code where there is none', async () => {
    serve('full');
    visit(`/jobs/${JOB}`);
    await press('unreachable');
    await waitFor(() => {
      expect(
        asked.some(
          (a) =>
            a.path.endsWith('/outcomes') && a.query.get('code') === 'unreachable' && !a.query.get('reason'),
        ),
      ).toBe(true);
    });
    await press('open elsewhere');
    await waitFor(() => {
      expect(
        asked.some(
          (a) =>
            a.path.endsWith('/outcomes') &&
            a.query.get('reason') === 'open_elsewhere' &&
            !a.query.get('code'),
        ),
      ).toBe(true);
    });
  });
  it('the enrol dialog gives the commands of the packaging', async () => {
    serve('full');
    visit(`/hosts?customer=${CUSTOMER}`);
    await press('Enrol a host');
    await press('Make a token');
    const dialog = await screen.findByRole('dialog');
    await within(dialog).findByText(
      /^alto-agent enrol --server http:\/\/localhost:\d+ --token \S+ --state \/var\/lib\/alto\/agent$/,
    );
    expect(within(dialog).getByText('systemctl enable --now alto-agent')).toBeTruthy();
    expect(sent('POST', `/customers/${CUSTOMER}/enrol-tokens`)!.body).toEqual({ hours: 24 });
  });
  it('deletion needs the name', async () => {
    serve('full');
    visit('/hosts');
    await press('More for ingest');
    fireEvent.click(await screen.findByRole('menuitem', { name: 'Delete' }));
    const dialog = await screen.findByRole('dialog');
    const ok = within(dialog).getByRole('button', { name: 'Delete' });
    expect(ok.hasAttribute('disabled')).toBe(true);
    fireEvent.change(within(dialog).getByLabelText('Type ingest to confirm'), {
      target: { value: 'ingest' },
    });
    fireEvent.click(ok);
    await waitFor(() => {
      expect(sent('DELETE', /^\/hosts\//)).toBeTruthy();
    });
  });
});

describe('an auditor', () => {
  const auditor = (a: Asked) =>
    a.path === '/session'
      ? {
          status: 200,
          body: {
            user: {
              id: 'u',
              name: 'revision',
              role: 'auditor',
              customer_id: CUSTOMER,
              disabled: false,
              created_at: '',
              last_login_at: null,
              version: 1,
            },
            csrf: 'c',
            expires_at: '',
          },
        }
      : undefined;
  it('sees only the own customer and no buttons that change anything', async () => {
    serve('full', auditor);
    visit('/volumes');
    await find('/srv/projects');
    expect(screen.queryByRole('button', { name: 'Add volume' })).toBeNull();
    expect(screen.queryByRole('combobox', { name: 'Customer' })).toBeNull();
    expect(
      asked.filter((a) => a.path === '/volumes').every((a) => a.query.get('customer_id') === CUSTOMER),
    ).toBe(true);
    expect(screen.queryByRole('link', { name: 'Users' })).toBeNull();
  });
  it('is shown nothing behind an operator’s address', async () => {
    serve('full', auditor);
    visit('/customers');
    await find('There is nothing here');
  });
});
