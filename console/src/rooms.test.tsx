// Every room against a pretended altod: with data, without any, while loading and when the server fails.
import { cleanup, fireEvent, screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it, vi } from 'vitest';
import { makeWorld } from '../tools/fake.mjs';
import { type Asked, asked, find, main, moods, press, sent, serve, visit, wide } from './testing';

const CUSTOMER = '01jcst00000000000000000000';
const VOLUME = '01jvxm00000000000000000000';
const RULE = '01jrvx00000000000000000001';
const JOB = '01jjxb00000000000000000000';
const IMPORT = '01jxmp00000000000000000000';
const FILE = `/volumes/${VOLUME}/why?path=%2FArchive%2Ffilm.mov`;

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
  ['Recalls', '/recalls', 'Resolve', 'Nothing was brought back yet'],
  ['Recall jobs', '/recalls?tab=jobs', 'scans', 'No job has brought files back yet'],
  ['Audit', '/audit', 'file: recall', 'No event'],
  ['Imports', '/imports', 'treesize-editorial.csv', 'No import yet'],
  ['Import', `/imports/${IMPORT}`, 'made by PowerShell', 'made by PowerShell'],
  ['Volume', `/volumes/${VOLUME}`, '6,822,222', 'Nothing is known of this volume yet'],
  ['Folders', `/volumes/${VOLUME}?tab=folders`, 'Übergabe', 'There are no folders'],
  ['Growth', `/volumes/${VOLUME}?tab=growth`, 'in 90 days', 'Not enough days yet'],
  ['Why', FILE, 'would match, but one before it decides', 'This volume has no rule'],
  ['Plan', `/plan?volume=${VOLUME}&rule=${RULE}`, '€3,239', 'No file would be touched'],
  ['Versions', `/rules/${RULE}?tab=versions`, 'no limit', 'No version is kept'],
];

describe.each(ROOMS)('%s', (_name, path, data, nothing) => moods(path, data, nothing));

describe('on a phone', () => {
  it('lists are cards with the same acts', async () => {
    wide(false);
    serve('full');
    visit('/volumes');
    await find('/srv/projects');
    expect(main().querySelector('table')).toBeNull();
    expect(within(main()).getAllByRole('listitem')).toHaveLength(6);
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
  it('a job is paused; one that a person paused is resumed, one in a closed window tells when it goes on', async () => {
    serve('full');
    visit(`/jobs/${JOB}`);
    await press('Pause');
    await waitFor(() => expect(sent('POST', `/jobs/${JOB}/pause`)).toBeTruthy());
    cleanup();
    visit(`/jobs/${JOB.slice(0, -2)}10`);
    await find('Somebody paused it');
    await press('Resume');
    await waitFor(() => expect(sent('POST', `/jobs/${JOB.slice(0, -2)}10/resume`)).toBeTruthy());
    cleanup();
    visit(`/jobs/${JOB.slice(0, -1)}8`);
    await find('It waits for the next window of its rule');
    await find('It goes on by itself');
    expect(screen.queryByRole('button', { name: 'Resume' })).toBeNull();
    expect(screen.queryByRole('button', { name: 'Pause' })).toBeNull();
  });
  it('a job that a limit ended says so, with the errors in percent and the version of its rule', async () => {
    serve('full');
    visit(`/jobs/${JOB.slice(0, -1)}9`);
    await find('Ended early, by a limit of its rule');
    await find('12 of 100 files failed, the limit is 10 %');
    await find('12, 12 % of those tried');
    const version = await screen.findByRole('link', { name: 'version 2' });
    expect(version.getAttribute('href')).toMatch(/\/rules\/[^/]+\?tab=versions&b=2$/);
  });
  it('a customer is shown what lies on all volumes, and the files lead to their volumes', async () => {
    serve('full');
    visit(`/?customer=${CUSTOMER}`);
    await find('What lies on all volumes');
    await find('known from imports only');
    expect(document.querySelector(`#main a[href*="/volumes/${VOLUME}/why"]`)?.getAttribute('href')).toMatch(
      /path=/,
    );
    expect(asked.find((a) => a.path === '/figures/inventory')!.query.get('customer_id')).toBe(CUSTOMER);
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

describe('a rule in two ways', () => {
  const area = () => screen.findByRole<HTMLTextAreaElement>('textbox', { name: 'Which files' });
  const conditions = () => document.querySelectorAll('.builder .rule').length;
  it('what is typed as text is built', async () => {
    serve('full');
    visit(`/rules/new?volume=${VOLUME}`);
    const text = await area();
    await waitFor(() => expect(conditions()).toBe(2));
    fireEvent.change(text, { target: { value: 'size > 1GB or (ext in (mov, mxf) and not owner = 0)' } });
    await waitFor(() => expect(conditions()).toBe(3));
    expect(document.querySelectorAll('.builder .ruleGroup')).toHaveLength(3);
  });
  it('what is built is written', async () => {
    serve('full');
    visit(
      `/rules/new?volume=${VOLUME}&where=${encodeURIComponent('size >= 10MB and accessed older than 90d')}`,
    );
    const text = await area();
    await waitFor(() => expect(conditions()).toBe(2));
    fireEvent.change(screen.getByRole('spinbutton', { name: 'Age' }), { target: { value: '180' } });
    await waitFor(() => expect(text.value).toBe('size >= 10MB and accessed older than 180d'));
    fireEvent.click(screen.getAllByRole('button', { name: 'Remove the condition' })[0]!);
    await waitFor(() => expect(text.value).toBe('accessed older than 180d'));
  });
  it('a rule without any condition cannot be saved', async () => {
    serve('full');
    visit(`/rules/new?volume=${VOLUME}&where=true`);
    await waitFor(() => expect(conditions()).toBe(1));
    fireEvent.click(screen.getByRole('button', { name: 'Remove the condition' }));
    await waitFor(() =>
      expect(screen.getByRole('button', { name: 'Add rule' }).hasAttribute('disabled')).toBe(true),
    );
  });
  it('a mistake is told before the server is asked, and the builder says that it is behind', async () => {
    serve('full', (a) => (a.path === '/rules/check' ? { status: 500, body: {} } : undefined));
    visit(`/rules/new?volume=${VOLUME}`);
    fireEvent.change(await area(), { target: { value: 'size >= 10MB and sise < 3' } });
    await waitFor(() => expect(document.querySelector('mark')?.textContent).toBe('sise'));
    await find('The text has a mistake');
    expect(screen.getByRole('button', { name: 'Add rule' }).hasAttribute('disabled')).toBe(true);
  });
  it('files are counted while one types, and what is counted for nothing is given up', async () => {
    const asked: Request[] = []; // whole: the signal of one that is collected follows no more
    serve('full');
    const through = globalThis.fetch;
    vi.stubGlobal('fetch', (request: Request) => {
      if (!request.url.endsWith('/plan/count')) return through(request);
      asked.push(request);
      return asked.length === 1 ? new Promise<Response>(() => undefined) : through(request);
    });
    visit(`/rules/new?volume=${VOLUME}`);
    const text = await area();
    await waitFor(() => expect(asked).toHaveLength(1));
    fireEvent.change(text, { target: { value: 'size > 2MB' } });
    await find('files match');
    await waitFor(() => expect(asked[0]!.signal.aborted).toBe(true));
  });
  it('only what was changed is sent, with the schedule and windows', async () => {
    serve('full');
    visit(`/rules/${RULE}`);
    fireEvent.change(await area(), { target: { value: 'size > 2MB' } });
    fireEvent.click(await screen.findByRole('button', { name: 'Weekends' }));
    await press('Save');
    await waitFor(() => expect(sent('PATCH', /^\/rules\//)).toBeTruthy());
    const body = sent('PATCH', /^\/rules\//)!.body as Record<string, unknown>;
    expect(body).toMatchObject({
      where: 'size > 2MB',
      windows: { zone: 'Europe/Berlin', spans: [{ days: [6, 7] }] },
    });
    for (const same of ['schedule', 'limit_error_percent', 'start_used_percent', 'volume_id'])
      expect(body).not.toHaveProperty(same);
  });
  it('a suspended rule tells why, and is resumed', async () => {
    serve('full');
    visit('/rules/01jrvx00000000000000000002');
    await find('22 % of the files of its last run failed');
    await press('Resume');
    await waitFor(() => expect(sent('POST', /\/resume$/)).toBeTruthy());
  });
  it('rules of a volume are put in another order by key and by dragging', async () => {
    serve('full');
    visit(`/rules?volume=${VOLUME}`);
    await press('Masters after a quarter earlier');
    await waitFor(() => expect(sent('POST', '/rules/order')).toBeTruthy());
    expect((sent('POST', '/rules/order')!.body as { ids: string[] }).ids.slice(0, 2)).toEqual([
      RULE,
      '01jrvx00000000000000000000',
    ]);
    asked.length = 0;
    const rows = () => document.querySelectorAll('tr[draggable]');
    await waitFor(() => expect(rows()[0]!.textContent).toMatch('Masters'));
    fireEvent.dragStart(rows()[3]!, { dataTransfer: {} });
    fireEvent.dragOver(rows()[0]!, { dataTransfer: {} });
    fireEvent.drop(rows()[0]!, { dataTransfer: {} });
    await waitFor(() => expect(sent('POST', '/rules/order')).toBeTruthy());
    expect((sent('POST', '/rules/order')!.body as { ids: string[] }).ids[0]).toBe(
      '01jrvx00000000000000000003',
    );
  });
});

describe('a plan', () => {
  it('is asked for as the address says', async () => {
    serve('full');
    visit(
      `/plan?volume=${VOLUME}&rule=${RULE}&version=3&against=${RULE}&againstversion=2&now=2026-01-01&days=30`,
    );
    await find('Enter: 12,400 files');
    expect(sent('POST', '/plan')!.body).toEqual({
      volume_id: VOLUME,
      rule_id: RULE,
      version: 3,
      now: '2026-01-01T00:00:00Z',
      history_days: 30,
      compare: { rule_id: RULE, version: 2 },
    });
  });
  it('goes into a folder, in the place of its rule, and back', async () => {
    serve('full');
    visit(`/plan?volume=${VOLUME}&rule=${RULE}`);
    await press('/Archive/2023');
    await waitFor(() =>
      expect(asked.filter((a) => a.path === '/plan').at(-1)!.body).toMatchObject({
        rule_id: RULE,
        where: expect.stringMatching(/ and path matches "\/Archive\/2023\/\*\*"$/) as string,
      }),
    );
    await press('Back to all folders');
    await waitFor(() => expect(document.body.textContent).not.toMatch('One folder only'));
  });
  it('asks for a volume and a rule first', async () => {
    serve('full');
    visit('/plan');
    await find('Choose a volume and a rule');
    expect(sent('POST', '/plan')).toBeUndefined();
  });
});

describe('an import', () => {
  it('is mapped anew, the whole mapping told, and run with it', async () => {
    serve('full');
    visit(`/imports/${IMPORT}`);
    // The table measures with a copy of its header.
    const [field] = await screen.findAllByRole('combobox', { name: 'What LastAccessTime is' });
    fireEvent.mouseDown(field!);
    fireEvent.click(
      await screen
        .findByRole('option', { name: 'Changed (ctime)' })
        .catch(() => screen.findByTitle('Changed (ctime)')),
    );
    await waitFor(() => expect(sent('POST', `/imports/${IMPORT}/look`)).toBeTruthy());
    const { options } = sent('POST', `/imports/${IMPORT}/look`)!.body as {
      options: { map: Record<string, string | null> };
    };
    expect(options.map).toMatchObject({
      path: 'FullName',
      size: 'Length',
      changed: 'LastAccessTime',
      accessed: null,
    });
  });
  it('cannot be run while its look has a problem', async () => {
    serve('full');
    visit('/imports/01jxmp00000000000000000005');
    await find('no column looks like a path');
    expect(screen.getByRole('button', { name: /^Import about/ }).hasAttribute('disabled')).toBe(true);
  });
  it('that failed says so, and that nothing was changed', async () => {
    serve('full');
    visit('/imports/01jxmp00000000000000000004');
    await find('nothing was changed');
    await find('the gzip data ends in the middle');
  });
  it('that was interrupted takes the same file only', async () => {
    serve('full');
    visit('/imports/01jxmp00000000000000000003');
    await find('Choose the same file again');
    const input = document.querySelector<HTMLInputElement>('input[type="file"]')!;
    fireEvent.change(input, { target: { files: [new File(['abc'], 'other.csv')] } });
    await find('has 3 bytes');
    expect(sent('PUT', /content$/)).toBeUndefined();
  });
  it('of a new file begins with its name and size', async () => {
    serve('full');
    visit(`/imports/new?volume=${VOLUME}`);
    await find('Drop a file here');
    const input = document.querySelector<HTMLInputElement>('input[type="file"]')!;
    fireEvent.change(input, { target: { files: [new File(['a,b\n1,2\n'], 'list.csv')] } });
    await press(/^Upload/);
    await waitFor(() => expect(sent('POST', `/volumes/${VOLUME}/imports`)).toBeTruthy());
    expect(sent('POST', `/volumes/${VOLUME}/imports`)!.body).toEqual({ name: 'list.csv', size: 8 });
    await find('made by PowerShell');
    expect(sent('PUT', /content$/)!.query.get('offset')).toBe('0');
  });
  it('goes into a volume of a host without an agent', async () => {
    serve('full');
    visit(`/imports/new?customer=${CUSTOMER}`);
    await press('Add a volume');
    const d = await screen.findByRole('dialog');
    fireEvent.change(within(d).getByLabelText('Name of the host'), { target: { value: 'nas' } });
    fireEvent.change(within(d).getByLabelText('Name of the volume'), { target: { value: 'films' } });
    fireEvent.change(within(d).getByLabelText('Folder on that host'), { target: { value: '/srv/films' } });
    fireEvent.click(within(d).getByRole('button', { name: 'Add' }));
    await waitFor(() => expect(sent('POST', '/volumes')).toBeTruthy());
    expect(sent('POST', '/hosts')!.body).toEqual({ customer_id: CUSTOMER, name: 'nas', os: 'linux' });
    expect(sent('POST', '/volumes')!.body).toMatchObject({
      name: 'films',
      path: '/srv/films',
      kind: 'posix',
    });
  });
});

describe('why', () => {
  it('of a file that nobody saw is told as that', async () => {
    serve('full');
    visit(`/volumes/${VOLUME}/why?path=%2Fnowhere`);
    await find('No such file is known');
  });
  it('of a name that cannot be typed is asked for again as it is', async () => {
    serve('full');
    visit(`/volumes/${VOLUME}/why?path=%2Fodd%0Aname.mov`);
    await find('would match');
    const field = screen.getByLabelText<HTMLInputElement>('Path of a file');
    expect(field.value).toBe('/odd⟨LF⟩name.mov');
    asked.length = 0;
    await press('Ask');
    await waitFor(() => expect(sent('GET', /why$/)!.query.get('path')).toBe('/odd\nname.mov'));
  });
});

describe.each([
  ['a volume', '/volumes/nowhere', 'There is no such volume', 'All volumes'],
  ['a job', '/jobs/nowhere', 'There is no such job', 'All jobs'],
  ['a rule', '/rules/nowhere', 'There is no such rule', 'All rules'],
  ['an import', '/imports/nowhere', 'There is no such import', 'All imports'],
])('%s that is gone', (_what, path, told, next) => {
  it('leads to its list', async () => {
    serve('full');
    visit(path);
    await find(told);
    expect(buttonNames()).toContain(next);
  });
});

// By text: asking for roles takes a minute on the large pages here, with all the styles that tests before left.
const buttonNames = () =>
  [...document.querySelectorAll('button')].map((b) => b.getAttribute('aria-label') ?? b.textContent);

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
  it('looks at rules, plans and imports without a way to change them', async () => {
    serve('full', auditor);
    visit(`/rules/${RULE}`);
    await find('When it may work');
    await waitFor(() => expect(document.querySelector('.builder .rule')).toBeTruthy());
    expect(document.querySelector('.builder .tag')!.textContent).toBe('not');
    for (const name of ['Save', 'Clone', 'Delete', 'Run now', 'Condition', 'Nights', 'Remove the condition'])
      expect(buttonNames()).not.toContain(name);
    cleanup();
    visit('/imports/new');
    await find('Only an administrator imports files');
    cleanup();
    visit(`/imports/${IMPORT}`);
    await find('made by PowerShell');
    expect(buttonNames().filter((n) => /^(Import|Cancel)/.test(n ?? ''))).toEqual([]);
    cleanup();
    visit('/rules/new');
    await find('Only an administrator writes rules');
    cleanup();
    visit('/users');
    await find('There is nothing here');
    cleanup();
    visit(`/plan?volume=${VOLUME}&rule=${RULE}`);
    await find('€3,239');
    expect(buttonNames()).not.toContain('Change the prices');
  });
  it('is shown nothing behind an operator’s address', async () => {
    serve('full', auditor);
    visit('/customers');
    await find('There is nothing here');
  });
});
