// The rooms of accesses against a pretended altod.
import { act, cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { type Asked, asked, find, main, moods, PROBLEM, press, sent, serve, visit, wide } from './testing';

const SPACE = '01jvxm00000000000000000005';
const ROOM = `/access/${SPACE}`;

// address, what it shows of data, what it says when nothing is known
const TABS: [string, string, string, string | RegExp][] = [
  ['the list', '/access', 'archive 2019', 'No volume has audit logs'],
  ['the state', ROOM, 'shows.northlight', 'Nothing was told of the audit logs yet'],
  ['the live stream', `${ROOM}?tab=live`, 'mara.ito@example.com', 'No access was told of yet'],
  ['the busiest', `${ROOM}?tab=busiest`, '10,350', 'No access in this time'],
  ['the map of hours', `${ROOM}?tab=hours`, 'the busiest was', 'No access in this time'],
  ['the clients', `${ROOM}?tab=clients`, 'edit-bay-03', 'No client is known yet'],
  ['the lines', `${ROOM}?tab=lines`, 'from byte 184,220', 'None is kept'],
];

describe.each(TABS)('%s', (_name, path, data, nothing) => {
  moods(path, data, nothing);
  it('tells who may not see it whom to ask, and does not ask again', async () => {
    const no = { ...PROBLEM, title: 'Forbidden', status: 403, code: 'forbidden', detail: 'Not yours.' };
    serve('full', (a) =>
      a.path === '/access' || /\/access/.test(a.path) ? { status: 403, body: no } : undefined,
    );
    visit(path);
    await find('Ask an administrator');
    expect(main().textContent).toMatch('Not yours.');
    expect(screen.queryByRole('button', { name: /Try again/ })).toBeNull();
  });
});

describe('a record of accesses', () => {
  it('that is denied says what it means and what is to be done', async () => {
    serve('full', (a) =>
      a.path === `/volumes/${SPACE}/access`
        ? {
            status: 200,
            body: {
              ...STATUS,
              state: 'denied',
              complete: false,
              text: 'Audit logs may not be read since 2026-11-26 22:10 UTC: nothing is called cold',
              next_step: 'Mount the filespace as one of its administrators',
            },
          }
        : undefined,
    );
    visit(ROOM);
    await find('may not be read since');
    expect(main().textContent).toMatch('Next: Mount the filespace as one of its administrators.');
    expect(main().textContent).toMatch('not now: nothing is called cold');
  });
  it('of a volume without audit logs leads to its figures', async () => {
    serve('full');
    visit('/access/01jvxm00000000000000000000');
    await find('This volume has no audit logs');
    expect(asked.some((a) => a.path.endsWith('/access'))).toBe(false);
  });
  it('of a volume that is not there leads to the list', async () => {
    serve('full');
    visit('/access/nowhere');
    await find('There is no such volume');
  });
  it('is told on the overview where something is wrong, and on the volume', async () => {
    serve('full');
    visit('/');
    await find('3 of 4 filespaces need somebody');
    await find('commercials');
    cleanup();
    visit(`/volumes/${SPACE}`);
    await find('Record of accesses');
  });
  it('says in a plan how many files it held back', async () => {
    serve('full');
    visit(`/plan?volume=${SPACE}&where=${encodeURIComponent('accessed older than 180d')}`);
    await find('1,204 files, 42 GB, held back: nobody can say that they are cold');
  });
});

const STATUS = {
  volume_id: SPACE,
  state: 'live',
  stale: false,
  complete: true,
  text: 'Audit logs are complete since 2026-08-20 08:30 UTC',
  next_step: '',
  since_at: null,
  covered_since_at: '2026-08-20T08:30:00Z',
  last_event_at: null,
  told_at: null,
  lag_s: null,
  event_lag_s: null,
  behind_bytes: 0,
  nodes: { total: 0, active: 0, behind: 0 },
  root: '',
  filespace: '',
  filespace_uuid: '',
  files: 0,
  active_files: 0,
  counts: [],
  rejected: 0,
  sample: null,
  last_number: 0,
};

// ---- the stream ----

const row = (number: number, path: string, user = 'anna') => ({
  number,
  kind: 'used',
  path,
  at: new Date().toISOString(),
  modified_at: null,
  arrived_at: new Date().toISOString(),
  reads: 1,
  writes: 0,
  user,
  host: 'mac1',
  node: '7',
});

/** Live events that a test tells, and a server with these rows. */
function following(rows: ReturnType<typeof row>[], fails: () => boolean = () => false) {
  const acts: Record<string, (e: { data: string; lastEventId: string }) => void> = {};
  const source: { onopen?: () => void; onerror?: () => void } = {};
  vi.stubGlobal(
    'EventSource',
    class {
      readyState = 1;
      constructor() {
        setTimeout(() => (this as unknown as typeof source).onopen?.(), 0);
        Object.defineProperty(source, 'onerror', {
          configurable: true,
          get: () => (this as unknown as typeof source).onerror,
        });
      }
      addEventListener(kind: string, how: (e: { data: string; lastEventId: string }) => void) {
        acts[kind] = how;
      }
      close() {}
    },
  );
  serve('full', (a) => {
    if (!a.path.endsWith('/access/recent')) return undefined;
    if (fails()) return { status: 500, body: PROBLEM };
    const after = Number(a.query.get('after') ?? 0);
    const before = Number(a.query.get('before') ?? Infinity);
    const user = a.query.get('user');
    const items = rows.filter((r) => r.number > after && r.number < before && (!user || r.user === user));
    return { status: 200, body: { items: items.slice(0, Number(a.query.get('limit'))) } };
  });
  return {
    tell: (last_number: number, told: object[]) =>
      act(() =>
        acts.access!({
          data: JSON.stringify({ volume_id: SPACE, last_number, rows: told }),
          lastEventId: '1',
        }),
      ),
    lose: () => act(() => source.onerror?.()),
  };
}
const questions = () => asked.filter((a) => a.path.endsWith('/access/recent'));
const shown = () => [...main().querySelectorAll('.ant-table-row .path')].map((e) => e.textContent);

describe('the live stream', () => {
  it('takes what events tell without asking', async () => {
    const live = following([row(2, '/b'), row(1, '/a')]);
    visit(`${ROOM}?tab=live`);
    await find('/b');
    await find('following');
    const before = questions().length;
    live.tell(4, [row(4, '/d'), row(3, '/c')]);
    await find('/d');
    expect(shown()).toEqual(['/d', '/c', '/b', '/a']);
    expect(questions()).toHaveLength(before);
  });
  it('asks for what an event did not tell', async () => {
    const rows = [row(2, '/b'), row(1, '/a')];
    const live = following(rows);
    visit(`${ROOM}?tab=live`);
    await find('/b');
    rows.unshift(row(5, '/e'), row(4, '/d'), row(3, '/c'));
    live.tell(5, [row(5, '/e')]);
    await find('/c');
    expect(shown()).toEqual(['/e', '/d', '/c', '/b', '/a']);
    expect(questions().at(-1)!.query.get('after')).toBe('2');
  });
  it('pauses, counts what waits, and goes on with nothing left out', async () => {
    const rows = [row(1, '/a')];
    const live = following(rows);
    visit(`${ROOM}?tab=live`);
    await find('/a');
    await press('Pause');
    rows.unshift(row(3, '/c'), row(2, '/b'));
    live.tell(3, [row(3, '/c'), row(2, '/b')]);
    await find('2 accesses of all came meanwhile');
    expect(shown()).toEqual(['/a']);
    await press('Go on, 2 waiting');
    await find('/c');
    expect(shown()).toEqual(['/c', '/b', '/a']);
  });
  it('says that it is interrupted and keeps what it has, and asks on', async () => {
    let broken = false;
    const rows = [row(1, '/a')];
    const live = following(rows, () => broken);
    visit(`${ROOM}?tab=live`);
    await find('/a');
    broken = true;
    live.tell(30, []);
    await find('interrupted');
    await find('No disk.');
    expect(shown()).toEqual(['/a']);
    broken = false;
    rows.unshift(row(2, '/b'));
    await waitFor(() => expect(shown()).toEqual(['/b', '/a']), { timeout: 9000 });
    await find('following');
  });
  it('says that there are no live events, and asks instead', async () => {
    const live = following([row(1, '/a')]);
    visit(`${ROOM}?tab=live`);
    await find('following');
    live.lose();
    await find('without live events');
  });
  it('asks the server for what is picked, and leads from a row to the person’s', async () => {
    following([row(2, '/b', 'bo'), row(1, '/a', 'anna')]);
    visit(`${ROOM}?tab=live`);
    await find('/b');
    fireEvent.click(within(main()).getByRole('link', { name: 'bo' }));
    await waitFor(() => expect(shown()).toEqual(['/b']));
    expect(questions().at(-1)!.query.get('user')).toBe('bo');
    await press('Show all');
    await waitFor(() => expect(shown()).toEqual(['/b', '/a']));
  });
  it('goes back in time, paused, until there is no more', async () => {
    following(Array.from({ length: 120 }, (_, i) => row(120 - i, `/f${120 - i}`)));
    visit(`${ROOM}?tab=live`);
    await find('/f71');
    expect(shown()).toHaveLength(50);
    await press('Load more');
    await waitFor(() => expect(shown()).toHaveLength(120));
    await find('paused');
    expect(screen.queryByRole('button', { name: 'Load more' })).toBeNull();
  });
  it('of one file leads to why, and to its folder', async () => {
    following([row(1, '/a/b')]);
    visit(`${ROOM}?tab=live&path=%2Fa%2Fb`);
    await find('Why?');
    expect(within(main()).getByRole('link', { name: 'Folder' }).getAttribute('href')).toBe(
      `/volumes/${SPACE}/files?path=%2Fa`,
    );
    expect(questions()[0]!.query.get('path')).toBe('/a/b');
  });
});

// ---- the others ----

describe('the busiest', () => {
  const last = () => asked.filter((a) => a.path.endsWith('/access/top')).at(-1)!.query;
  it('are of what, when and where the address says', async () => {
    serve('full');
    visit(`${ROOM}?tab=busiest&by=folder&period=month&folder=%2FShows`);
    await find('/Shows/Ep 101');
    expect([last().get('by'), last().get('folder')]).toEqual(['folder', '/Shows']);
    expect(Date.now() - Date.parse(last().get('from')!)).toBeCloseTo(30 * 86_400_000, -5);
    fireEvent.click(within(main()).getByText('People'));
    await find('render-svc');
    expect(last().get('by')).toBe('user');
  });
  it('of one hour are asked for it alone', async () => {
    serve('full');
    visit(`${ROOM}?tab=busiest&hour=2026-11-24T13:00:00.000Z`);
    await find('10,350');
    expect([last().get('from'), last().get('to')]).toEqual([
      '2026-11-24T13:00:00.000Z',
      '2026-11-24T13:59:59.999Z',
    ]);
  });
  it('are as many as are asked for', async () => {
    serve('million');
    visit(`${ROOM}?tab=busiest`);
    await find('10,350');
    await press('Load more');
    await waitFor(() => expect(last().get('limit')).toBe('100'));
  });
});

describe('the map of hours', () => {
  it('is gone through by keys, tells UTC too, and opens an hour', async () => {
    serve('full', (a) =>
      a.path.endsWith('/access/hours')
        ? {
            status: 200,
            body: {
              from_at: '2026-11-24T00:00:00Z',
              to_at: '2026-11-24T23:59:59Z',
              items: [{ at: '2026-11-24T12:00:00Z', reads: 7, writes: 1 }],
            },
          }
        : undefined,
    );
    visit(`${ROOM}?tab=hours`);
    await find('7 reads and 1 write in 1 hour');
    const cell = main().querySelector<HTMLElement>('.heat [role="gridcell"].l5')!;
    expect(cell.getAttribute('aria-label')).toMatch(/7 reads, 1 write \(from 2026-11-24 12:00 UTC\)/);
    const first = main().querySelector<HTMLElement>('.heat [tabindex="0"]')!;
    first.focus();
    fireEvent.keyDown(first, { key: 'ArrowRight' });
    expect(document.activeElement).not.toBe(first);
    expect(main().querySelectorAll('.heat [tabindex="0"]')).toHaveLength(1);
    fireEvent.click(cell);
    await waitFor(() =>
      expect(
        asked.some(
          (a) => a.path.endsWith('/access/top') && a.query.get('from') === '2026-11-24T12:00:00.000Z',
        ),
      ).toBe(true),
    );
  });
  it('is a table for who wants numbers', async () => {
    serve('full');
    visit(`${ROOM}?tab=hours&as=table`);
    await waitFor(() => expect(main().querySelectorAll('.heattable tbody tr').length).toBeGreaterThan(6));
  });
});

describe('the clients', () => {
  const last = () => asked.filter((a) => a.path.endsWith('/access/nodes')).at(-1)!.query;
  it('come with those behind first, and tell a part of a line from more', async () => {
    serve('full');
    visit(`${ROOM}?tab=clients`);
    await find('part of a line');
    expect([last().get('sort'), last().get('order')]).toEqual(['behind', 'desc']);
    expect(main().querySelector('.ant-table-row .tag')!.textContent).toBe('behind');
  });
  it('are asked of the server page by page and by what is searched', async () => {
    serve('million');
    visit(`${ROOM}?tab=clients&q=bay&only=open&sort=last_event`);
    await find('200 of 20,000 clients');
    expect([last().get('q'), last().get('active'), last().get('sort')]).toEqual([
      'bay',
      'true',
      'last_event',
    ]);
    expect(main().querySelectorAll('.ant-table-row').length).toBeLessThan(100);
  });
  it('are cards on a phone', async () => {
    wide(false);
    serve('full');
    visit(`${ROOM}?tab=clients`);
    await find('part of a line');
    expect(within(main()).getByRole('list', { name: 'clients' }).children).toHaveLength(7);
  });
});

describe('the settings', () => {
  const change = async () => {
    const hours = await screen.findByLabelText(/Silent after/);
    fireEvent.change(hours, { target: { value: '24' } });
    await press('Save');
  };
  it('send what was changed, with the version', async () => {
    serve('full', (a) =>
      a.method === 'PATCH' ? { status: 200, body: { ...VOLUME, version: 5 } } : undefined,
    );
    visit(`${ROOM}?tab=settings`);
    await change();
    await waitFor(() => expect(sent('PATCH', `/volumes/${SPACE}`)).toBeTruthy());
    expect(sent('PATCH', `/volumes/${SPACE}`)!.body).toEqual({ audit: { silence_hours: 24 } });
    expect(sent('PATCH', `/volumes/${SPACE}`)!.headers.get('If-Match')).toBe('"4"');
    // Without transitions nothing ends the way out of the sign that it loads.
    await waitFor(() =>
      expect(screen.getByRole('button', { name: /^(loading )?Save$/ }).hasAttribute('disabled')).toBe(true),
    );
  });
  it('that somebody changed meanwhile are put over theirs only when asked, without what was left alone', async () => {
    const version = (a: Asked) => a.headers.get('If-Match');
    serve('full', (a) => {
      if (a.method === 'PATCH')
        return version(a) === '"9"'
          ? { status: 200, body: { ...VOLUME, version: 10 } }
          : { status: 412, body: { ...PROBLEM, title: 'Changed', status: 412, code: 'changed' } };
      return asked.some((x) => x.method === 'PATCH') && a.path === `/volumes/${SPACE}`
        ? { status: 200, body: { ...VOLUME, version: 9, audit: { ...VOLUME.audit, drop_users: ['theirs'] } } }
        : undefined;
    });
    visit(`${ROOM}?tab=settings`);
    await change();
    await find('Somebody changed this volume meanwhile');
    await press('Save mine');
    await waitFor(() => expect(asked.filter((a) => a.method === 'PATCH')).toHaveLength(2));
    const again = asked.filter((a) => a.method === 'PATCH')[1]!;
    expect([version(again), again.body]).toEqual(['"9"', { audit: { silence_hours: 24 } }]);
  });
  it('that the server refuses say so in its words', async () => {
    serve('full', (a) =>
      a.method === 'PATCH'
        ? {
            status: 422,
            body: {
              ...PROBLEM,
              status: 422,
              code: 'invalid',
              detail: 'silence_hours is too much',
              pointer: '/audit/silence_hours',
            },
          }
        : undefined,
    );
    visit(`${ROOM}?tab=settings`);
    await change();
    await find('silence_hours is too much');
  });
  it('are only looked at by who may not change them', async () => {
    serve('full', (a) => (a.path === '/session' ? { status: 200, body: AUDITOR } : undefined));
    visit(`${ROOM}?tab=settings`);
    await find('an administrator can change them');
    expect(screen.queryByRole('button', { name: 'Save' })).toBeNull();
  });
});

const VOLUME = {
  id: SPACE,
  customer_id: '01jcst00000000000000000000',
  host_id: '01jhst00000000000000000000',
  name: 'shows',
  path: '/media/shows',
  kind: 'lucidlink',
  version: 4,
  audit: {
    root: '',
    prehydrate: false,
    silence_hours: 24,
    drop_users: ['backup-svc'],
    drop_hosts: [],
    drop_nodes: [],
    logs: [],
  },
};
const AUDITOR = {
  user: {
    id: 'u',
    name: 'revision',
    role: 'auditor',
    customer_id: '01jcst00000000000000000000',
    disabled: false,
    created_at: '',
    last_login_at: null,
    version: 1,
  },
  csrf: 'c',
  expires_at: '',
};

describe('a rule for files that are archived', () => {
  it('says which way the volume has and why, and begins with it', async () => {
    serve('full');
    visit(`/rules/new?volume=${SPACE}`);
    await find('archived with a placeholder');
    await find('they would read zeros from stubs');
    await find('Archive: move to the share');
  });
  it('that asks for stubs is told before it is saved, with the way out', async () => {
    serve('full', (a) =>
      a.path === '/rules/01jrvx00000000000000000001'
        ? { status: 200, body: { ...RULE, volume_id: SPACE } }
        : undefined,
    );
    visit('/rules/01jrvx00000000000000000001');
    await find('Files of this volume cannot become stubs');
    await press('Archive instead');
    await find('archived with a placeholder');
  });
});
const RULE = {
  id: '01jrvx00000000000000000001',
  customer_id: '01jcst00000000000000000000',
  share_id: null,
  name: 'cold',
  where: 'size >= 10MB',
  action: 'tier',
  enabled: true,
  position: 1,
  limit_files: null,
  limit_bytes: null,
  version: 3,
};

describe('people and hosts whose names are no text', () => {
  // Two that look alike, and one that is text.
  const sums = (by: string) => ({
    by,
    from_at: new Date(0).toISOString(),
    to_at: new Date().toISOString(),
    items: [
      { what: 'ma\ufffd', what_b64: 'bWH/' },
      { what: 'ma\ufffd', what_b64: 'bWH+' },
      { what: 'max' },
    ].map((i) => ({ ...i, reads: 1, writes: 0, files: 1, last_at: null })),
  });
  const own = (a: Asked) =>
    a.path.endsWith('/access/top') ? { status: 200, body: sums(a.query.get('by')!) } : undefined;
  const recentOf = (b64: string) =>
    asked.some((a) => a.path.endsWith('/recent') && a.query.get('user_b64') === b64 && !a.query.has('user'));

  it.each(['user', 'host'])('lead on by their bytes, by %s', async (by) => {
    serve('full', own);
    visit(`${ROOM}?tab=busiest&by=${by}`);
    const links = await screen.findAllByRole('link', { name: 'ma\ufffd' });
    expect(
      links.map((l) => new URL(l.getAttribute('href')!, 'http://x').searchParams.get(`${by}_b64`)),
    ).toEqual(['bWH/', 'bWH+']);
  });
  it('are chosen among those that are known, by mouse', async () => {
    serve('full', own);
    visit(`${ROOM}?tab=live`);
    await find('mara.ito@example.com');
    const field = screen.getByRole<HTMLInputElement>('combobox', { name: 'Person' });
    const options = () =>
      waitFor(() => {
        const found = [...document.querySelectorAll('.ant-select-item-option')];
        expect(found.map((o) => o.textContent)).toEqual(['ma\ufffd', 'ma\ufffd', 'max']);
        return found;
      });
    fireEvent.focus(field);
    fireEvent.mouseDown(field);
    fireEvent.change(field, { target: { value: 'ma' } });
    fireEvent.click((await options())[1]!);
    await waitFor(() => expect(recentOf('bWH+')).toBe(true));
    expect(field.value).toBe('ma\ufffd');
  });
  it('are chosen by keys; what is typed is taken as it is', async () => {
    serve('full', own);
    visit(`${ROOM}?tab=live`);
    await find('mara.ito@example.com');
    const field = screen.getByRole<HTMLInputElement>('combobox', { name: 'Person' });
    fireEvent.focus(field);
    fireEvent.mouseDown(field);
    fireEvent.change(field, { target: { value: 'ma' } });
    await waitFor(() => expect(document.querySelectorAll('.ant-select-item-option')).toHaveLength(3));
    fireEvent.keyDown(field, { key: 'ArrowDown', keyCode: 40, which: 40 });
    fireEvent.keyDown(field, { key: 'Enter', keyCode: 13, which: 13 });
    await waitFor(() => expect(recentOf('bWH+') || recentOf('bWH/')).toBe(true));
    expect(asked.some((a) => a.query.get('user') === 'ma')).toBe(false);
    fireEvent.change(field, { target: { value: 'ma' } });
    fireEvent.keyDown(field, { key: 'Enter', keyCode: 13, which: 13 });
    await waitFor(() =>
      expect(asked.some((a) => a.query.get('user') === 'ma' && !a.query.has('user_b64'))).toBe(true),
    );
  });
  it('stand in an address, and go with all that is picked', async () => {
    serve('full', own);
    visit(`${ROOM}?tab=live&user_b64=bWH%2F&host_b64=%2Fw%3D%3D`);
    await waitFor(() =>
      expect(
        asked.some((a) => a.query.get('user_b64') === 'bWH/' && a.query.get('host_b64') === '/w=='),
      ).toBe(true),
    );
    expect(screen.getByRole<HTMLInputElement>('combobox', { name: 'Person' }).value).toBe('ma\ufffd');
    asked.length = 0;
    await press('Show all');
    await waitFor(() =>
      expect(asked.some((a) => a.path.endsWith('/recent') && !a.query.has('user_b64'))).toBe(true),
    );
  });
});

describe('a volume is added by choosing what is mounted', () => {
  const dialog = () => screen.findByRole('dialog');
  const field = async (name: string) =>
    within(await dialog()).getByLabelText<HTMLInputElement>(name, { exact: true });
  /** In one of the dialog's lists. */
  async function choose(name: string, text: string) {
    fireEvent.mouseDown(within(await dialog()).getByRole('combobox', { name }));
    const all = await waitFor(() => {
      const found = [...document.querySelectorAll('.ant-select-item-option')].filter(
        (o) => o.textContent === text,
      );
      expect(found.length).toBeGreaterThan(0);
      return found;
    });
    fireEvent.click(all[0]!);
  }
  async function begin(own?: (a: Asked) => { status: number; body: unknown } | undefined, host = 'media-01') {
    serve('full', own);
    visit('/volumes?customer=01jcst00000000000000000000');
    await find('/srv/projects');
    await press('Add volume');
    await choose('Host', host);
  }
  const radio = (name: RegExp) => screen.findByRole<HTMLInputElement>('radio', { name });

  it('the choice fills in path, kind and name, and keeps a name that somebody typed', async () => {
    await begin();
    fireEvent.click(await radio(/media.northlight.shows/)); // offered though the kind is another one yet
    await waitFor(async () =>
      expect((await field('Folder on that host')).value).toBe('/media/northlight/shows'),
    );
    expect((await field('Name')).value).toBe('shows.northlight');
    fireEvent.click(await radio(/media.northlight.commercials/));
    await waitFor(async () => expect((await field('Name')).value).toBe('commercials.northlight'));
    fireEvent.change(await field('Name'), { target: { value: 'films' } });
    fireEvent.click(await radio(/media.northlight.shows/));
    fireEvent.click(within(await dialog()).getByRole('button', { name: 'Add' }));
    await waitFor(() => expect(sent('POST', '/volumes')).toBeTruthy());
    expect(sent('POST', '/volumes')!.body).toMatchObject({
      kind: 'lucidlink',
      path: '/media/northlight/shows',
      name: 'films',
      host_id: '01jhst00000000000000000000',
    });
  });
  it('what cannot be chosen says why, and what is no filespace comes with the kind alone', async () => {
    await begin();
    expect((await radio(/⟨LF⟩name/)).disabled).toBe(true);
    expect((await radio(/client did not say where/)).disabled).toBe(true);
    expect((await radio(/may not be read/)).disabled).toBe(false);
    expect(screen.queryByRole('radio', { name: /sshfs/ })).toBeNull();
    await choose('Kind', 'LucidLink');
    await radio(/sshfs/);
    expect((await dialog()).textContent).toMatch('there is no program lucid in PATH');
  });
  it('says that it loads, and tells a failure in the words of the server and tries again', async () => {
    let broken = true;
    await begin((a) =>
      broken && a.path.endsWith('/filespaces') ? { status: 500, body: PROBLEM } : undefined,
    );
    expect(screen.queryByText('Mounted on that host')).toBeNull(); // nobody asked for one yet
    await choose('Kind', 'LucidLink');
    await within(await dialog()).findByText('No disk.');
    broken = false;
    await press(/Try again/);
    await radio(/media.northlight.shows/);
  });
  it('says that it loads', async () => {
    await begin();
    const through = globalThis.fetch;
    vi.stubGlobal('fetch', (request: Request) =>
      request.url.endsWith('/filespaces') ? new Promise<Response>(() => undefined) : through(request),
    );
    await choose('Host', 'media-02');
    await choose('Kind', 'LucidLink');
    await screen.findByRole('status', { name: 'Loading what is mounted' });
  });
  it('a host that cannot be reached says so, with what it told and when', async () => {
    const away = (state: string, told_at: string | null) => (a: Asked) =>
      a.path.endsWith('/filespaces')
        ? { status: 200, body: { host_id: 'h', told_at, found: null } }
        : a.path === '/hosts'
          ? {
              status: 200,
              body: { items: [{ id: 'h', name: 'away', state, os: 'linux', version: 1 }], next_cursor: null },
            }
          : undefined;
    await begin(away('never', null), 'away');
    await choose('Kind', 'LucidLink');
    await within(await dialog()).findByText('This host cannot be reached');
    expect((await dialog()).textContent).toMatch('has told nothing yet');
    cleanup();
    await begin(away('offline', new Date(Date.now() - 5 * 3_600_000).toISOString()), 'away');
    await choose('Kind', 'LucidLink');
    await within(await dialog()).findByText(/it is what it told/);
    expect((await dialog()).textContent).toMatch('5 hours ago');
  });
  it('a host without mounts says what to do', async () => {
    await begin(undefined, 'media-02');
    await choose('Kind', 'LucidLink');
    await within(await dialog()).findByText(/No mount was found there/);
    const before = asked.filter((a) => a.path.endsWith('/filespaces')).length;
    await press('Look again');
    await waitFor(() => expect(asked.filter((a) => a.path.endsWith('/filespaces')).length).toBe(before + 1));
  });
});
