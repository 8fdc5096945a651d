// Screenshots of every room, against a pretended altod (tools/fake.mjs) and the built console in dist:
//   node tools/shots.mjs FOLDER [--moods full,empty,loading,failing,million] [--rooms jobs,files] [--sizes 1440-light,390-dark] [--as operator|admin|auditor] [--lang en|de] [--whole]
// Tells what the browser complained about, and every page that is wider than the window; exit status 1 when there was any.
import { mkdirSync, readFileSync, existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { answer, makeWorld } from './fake.mjs';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const ORIGIN = 'http://localhost:9';
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const option = (name, usual) => {
  const at = process.argv.indexOf(`--${name}`);
  return (at > 0 ? process.argv[at + 1] : usual).split(',');
};
const folder = process.argv[2] ?? 'shots';
const moods = option('moods', 'full,empty,loading,failing,million');
const sizes = option('sizes', '1440-light,1440-dark,390-light,390-dark');
const only = option('rooms', '');
const [as] = option('as', 'operator');
// What is pressed is found by its English name: in another language rooms are only looked at.
const [lang] = option('lang', 'en');
const whole = process.argv.includes('--whole');
mkdirSync(folder, { recursive: true });

const press = (name) => async (page) => {
  await page.getByRole('button', { name, exact: true }).first().click();
};
/** A volume of kind LucidLink is added on this host. */
async function mounts(page, host) {
  await press('Add volume')(page);
  for (const [field, name] of [
    ['Host', host],
    ['Kind', 'LucidLink'],
  ]) {
    await page.getByRole('dialog').getByRole('combobox', { name: field }).click();
    await page
      .locator('.ant-select-dropdown:visible .ant-select-item-option', { hasText: name })
      .first()
      .click();
  }
  await page.getByText('Mounted on that host').waitFor();
}
const ROOMS = {
  overview: '/',
  customers: '/customers',
  hosts: '/hosts',
  volumes: '/volumes',
  files: '/volumes/01jvxm00000000000000000000/files',
  shares: '/shares',
  rules: '/rules',
  rule: [
    '/rules/01jrvx00000000000000000001',
    async (page, mood) => {
      if (mood === 'full') await press('Preview')(page);
    },
  ],
  'rule-wrong': [
    '/rules/new',
    async (page, mood) => {
      if (mood === 'full')
        await page.getByLabel('Which files').first().fill('size >= 10XB and modified older than 90d');
    },
  ],
  'rule-versions': '/rules/01jrvx00000000000000000001?tab=versions',
  plan: '/plan?volume=01jvxm00000000000000000000&rule=01jrvx00000000000000000001',
  imports: '/imports',
  'import-look': '/imports/01jxmp00000000000000000000',
  'import-run': '/imports/01jxmp00000000000000000001',
  'import-done': '/imports/01jxmp00000000000000000002',
  'import-broken': '/imports/01jxmp00000000000000000004',
  volume: '/volumes/01jvxm00000000000000000000',
  folders: '/volumes/01jvxm00000000000000000000?tab=folders',
  growth: '/volumes/01jvxm00000000000000000000?tab=growth',
  why: '/volumes/01jvxm00000000000000000000/why?path=%2FArchive%2F2023%2Ffilm.mov',
  access: '/access',
  'access-state': '/access/01jvxm00000000000000000005',
  'access-live': '/access/01jvxm00000000000000000005?tab=live',
  'access-busiest': '/access/01jvxm00000000000000000005?tab=busiest',
  'access-hours': '/access/01jvxm00000000000000000005?tab=hours',
  'access-clients': '/access/01jvxm00000000000000000005?tab=clients',
  'access-lines': '/access/01jvxm00000000000000000005?tab=lines',
  'access-settings': '/access/01jvxm00000000000000000005?tab=settings',
  jobs: '/jobs',
  job: '/jobs/01jjxb00000000000000000000',
  'job-paused': '/jobs/01jjxb00000000000000000010',
  'job-reconcile': '/jobs/01jjxb00000000000000000006',
  'job-window': '/jobs/01jjxb00000000000000000008',
  'job-limit': '/jobs/01jjxb00000000000000000009',
  'overview-customer': '/?customer=01jcst00000000000000000000',
  audit: [
    '/audit',
    async (page, mood) => {
      if (mood === 'full') {
        await page.getByRole('button', { name: /^Verify/ }).click();
        await page.locator('.ant-table-row-expand-icon, .cards button[aria-expanded]').first().click();
      }
    },
  ],
  users: '/users',
  recalls: '/recalls',
  'recall-jobs': '/recalls?tab=jobs',
  settings: '/settings',
};
const DIALOGS = {
  'access-file': '/access/01jvxm00000000000000000005?tab=live&path=%2FShows%2FEp+101%2Faudio%2Fmix_v12.wav',
  'access-people': '/access/01jvxm00000000000000000005?tab=busiest&by=user&period=month',
  'access-quarter': '/access/01jvxm00000000000000000005?tab=hours&period=quarter',
  'access-table': '/access/01jvxm00000000000000000005?tab=hours&as=table',
  'plan-held': '/plan?volume=01jvxm00000000000000000005&where=accessed+older+than+180d',
  'volume-filespace': '/volumes/01jvxm00000000000000000005',
  'why-filespace': '/volumes/01jvxm00000000000000000005/why?path=%2FArchive%2F2023%2Ffilm.mov',
  'rule-archive': '/rules/new?volume=01jvxm00000000000000000005',
  'rule-new': '/rules/new?volume=01jvxm00000000000000000000',
  'rule-nested': [
    `/rules/new?volume=01jvxm00000000000000000000&where=${encodeURIComponent('(size >= 1.5GiB or accessed older than 2y and not (owner in (0, alice, "Bob Smith") or name like /^img_\\d+/i)) and not path matches "/Active/**" and modified < "2026-01-31T10:30:00Z" and attributes not in (hidden, system) and name matches "*.tmp"i')}`,
    async () => undefined,
  ],
  'plan-compare':
    '/plan?volume=01jvxm00000000000000000000&rule=01jrvx00000000000000000001&against=01jrvx00000000000000000002&now=2026-01-01',
  'plan-nothing': '/plan',
  'd-templates': ['/rules/new', press('Start from a template')],
  'd-clone': ['/rules/01jrvx00000000000000000001', press('Clone')],
  'd-run': ['/rules/01jrvx00000000000000000001', press('Run now')],
  'd-export': ['/plan?volume=01jvxm00000000000000000000&rule=01jrvx00000000000000000001', press('Export')],
  'd-cancel': ['/jobs/01jjxb00000000000000000000', press('Cancel')],
  'd-costs': [
    '/plan?volume=01jvxm00000000000000000000&rule=01jrvx00000000000000000001',
    press('Change the prices'),
  ],
  'rules-of-one': '/rules?volume=01jvxm00000000000000000000',
  'import-new': '/imports/new?volume=01jvxm00000000000000000000',
  'import-upload': '/imports/01jxmp00000000000000000003',
  'import-problem': '/imports/01jxmp00000000000000000005',
  'd-import-volume': ['/imports/new', press('Add a volume')],
  'folders-open': [
    '/volumes/01jvxm00000000000000000000?tab=folders',
    async (page) => {
      await press('Open Archive')(page);
      await page.getByRole('button', { name: 'Open Scans' }).first().click();
    },
  ],
  'files-odd': '/volumes/01jvxm00000000000000000000/files?path=%2FOdd&q=odd',
  'why-odd': '/volumes/01jvxm00000000000000000000/why?path=%2FOdd%2Fodd%0Aname.mov',
  'why-unknown': [
    '/volumes/01jvxm00000000000000000000/why?path=%2Fnowhere',
    (page) => page.getByText('No such file').waitFor(),
  ],
  'why-nothing': '/volumes/01jvxm00000000000000000000/why',
  'd-customer': ['/customers', press('Add customer')],
  'd-enrol': [
    '/hosts?customer=01jcst00000000000000000000',
    async (page) => {
      await press('Enrol a host')(page);
      await press('Make a token')(page);
    },
  ],
  'd-enrol-windows': [
    '/hosts?customer=01jcst00000000000000000000',
    async (page) => {
      await press('Enrol a host')(page);
      await press('Make a token')(page);
      await page.getByRole('tab', { name: 'Windows' }).click();
      await page.getByText('PowerShell').first().waitFor();
    },
  ],
  'd-driver': [
    '/hosts',
    async (page) => {
      await page
        .getByRole('button', { name: /^Filter driver/ })
        .first()
        .click();
      await page.getByText('Next:').waitFor();
    },
  ],
  'd-volume': ['/volumes', press('Add volume')],
  'd-volume-mounts': [
    '/volumes',
    async (page) => {
      await mounts(page, 'media-01');
      await page.getByRole('radio', { name: /media.northlight.shows/ }).check();
    },
  ],
  'd-volume-unmounted': ['/volumes', (page) => mounts(page, 'media-02')],
  'd-volume-away': ['/volumes', (page) => mounts(page, 'ingest')],
  'd-volume-untold': ['/volumes', (page) => mounts(page, 'nas-gateway')],
  'd-volume-menu': [
    '/volumes',
    async (page) => {
      await page
        .getByRole('button', { name: /^More for/ })
        .first()
        .click();
    },
  ],
  'd-share': ['/shares', press('Add share')],
  'share-checked': [
    '/shares',
    async (page) => {
      await press('Check now')(page);
      await page.getByText('password are right').waitFor();
    },
  ],
  'share-wrong': [
    '/shares',
    async (page) => {
      await page.getByRole('button', { name: 'Check now' }).nth(1).click();
      await page.getByText('just now').waitFor();
    },
  ],
  'd-user': ['/users', press('Add user')],
  'd-delete': [
    '/hosts',
    async (page) => {
      await page
        .getByRole('button', { name: /^More|^Delete/ })
        .first()
        .click();
      if (process.env.MENU) return;
      await page.getByRole('menuitem', { name: 'Delete' }).click();
    },
  ],
  'd-details': [
    '/volumes/01jvxm00000000000000000000/files',
    async (page) => {
      await page.getByRole('button', { name: /IMG_/ }).first().click();
    },
  ],
  'd-keys': [
    '/',
    async (page) => {
      await page.keyboard.press('?');
    },
  ],
  'd-find': [
    '/',
    async (page) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('option').first().waitFor();
    },
  ],
  'd-found': [
    '/volumes/01jvxm00000000000000000000/files',
    async (page) => {
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox', { name: 'Search, go to or do' }).fill('me');
      await page.getByRole('group', { name: 'Hosts' }).waitFor();
    },
  ],
  'd-menu': [
    '/recalls',
    async (page) => {
      const menu = page.getByRole('button', { name: 'Menu' });
      if (await menu.count()) await menu.click();
    },
  ],
  'd-switch': [
    '/hosts?q=me',
    async (page) => {
      await page.getByRole('combobox', { name: 'Customer' }).click();
      await page.keyboard.type('Harbour');
      await page.waitForTimeout(1200);
    },
  ],
  'd-tip': [
    '/jobs/01jjxb00000000000000000000',
    async (page) => {
      await page.locator('#main time').first().focus();
      await page.getByRole('tooltip').first().waitFor();
    },
  ],
  'd-missing': ['/nowhere', async () => undefined],
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
let wrong = 0;
let taken = 0;

async function serve(route, world, mood) {
  const url = new URL(route.request().url());
  if (url.pathname.startsWith('/api/')) {
    if (mood === 'loading' && !url.pathname.endsWith('/session')) return undefined; // never answered
    const text = route.request().postData();
    const { status, body } = answer(
      world,
      route.request().method(),
      url.href,
      text ? JSON.parse(text) : undefined,
    );
    return route.fulfill({
      status,
      contentType: 'application/json',
      body: body === null ? '' : JSON.stringify(body),
    });
  }
  if (url.pathname === '/downloads.json')
    return route.fulfill({ contentType: 'application/json', body: '{ "windows": "/downloads/alto.msi" }' });
  const file = join(DIST, url.pathname);
  const found = extname(file) && existsSync(file) ? file : join(DIST, 'index.html');
  return route.fulfill({
    contentType: TYPES[extname(found)] ?? 'application/octet-stream',
    body: readFileSync(found),
  });
}

for (const size of sizes) {
  const [width, scheme] = size.split('-');
  for (const mood of moods) {
    const context = await browser.newContext({
      viewport: { width: Number(width), height: Number(width) < 600 ? 844 : 900 },
      colorScheme: scheme,
      reducedMotion: 'reduce',
    });
    await context.addInitScript(() => {
      window.EventSource = class {
        constructor() {
          this.readyState = 1;
          setTimeout(() => this.onopen?.(new Event('open')), 5);
        }
        addEventListener() {}
        close() {}
      };
    });
    await context.addInitScript(
      (language) => localStorage.setItem('alto.prefs', JSON.stringify({ language })),
      lang,
    );
    const world = makeWorld(Date.now(), mood, as);
    await context.route('**', (route) => serve(route, world, mood));
    const page = await context.newPage();
    const complain = (text) => {
      wrong++;
      console.log(`${mood} ${size} ${page.url()}: ${text}`);
    };
    page.on('console', (m) => {
      if (m.type() !== 'error' || (mood === 'failing' && /500/.test(m.text()))) return;
      if (!(/404/.test(m.text()) && /nowhere/.test(page.url()))) complain(m.text());
    });
    page.on('pageerror', (e) => complain(e.message));
    const rooms = mood === 'full' ? { login: '/login', ...ROOMS, ...DIALOGS } : ROOMS;
    for (const [room, how] of Object.entries(rooms)) {
      if (only[0] && !only.includes(room)) continue;
      const [address, act] = typeof how === 'string' ? [how] : lang === 'en' ? how : [how[0]];
      await page.goto(`${ORIGIN}${address}`);
      if (mood !== 'loading') await page.locator('h1, .login form, .emptybox').first().waitFor();
      if (mood === 'failing' && room !== 'rule-wrong')
        await page
          .getByRole('alert')
          .first()
          .waitFor({ timeout: 8000 })
          .catch(() => complain(`${room} tells no failure`));
      // Who may only look has no such button.
      page.setDefaultTimeout(as === 'auditor' ? 1500 : 30_000);
      await (as === 'auditor' ? act?.(page, mood).catch(() => undefined) : act?.(page, mood));
      page.setDefaultTimeout(30_000);
      if (mood === 'loading') await page.waitForTimeout(500);
      else
        await page
          .waitForFunction(() => !document.querySelector('.ant-skeleton, .ant-spin-spinning'), undefined, {
            timeout: 8000,
          })
          .catch(() => complain(`${room} goes on loading`));
      await page.waitForTimeout(250);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (over > 0) complain(`${room} is ${over} px too wide`);
      // In a picture of the whole page nothing is left out because it is not in view, and no bar lies over the middle.
      if (whole)
        await page.addStyleTag({
          content: '.cards > li { content-visibility: visible } .bar.stay { position: static }',
        });
      const name = as === 'operator' ? mood : `${as}-${mood}`;
      await page.screenshot({ path: `${folder}/${name}-${room}-${size}.png`, fullPage: whole });
      taken++;
    }
    await context.close();
  }
}
await browser.close();
console.log(`${taken} pictures in ${folder}, ${wrong} complaints`);
process.exitCode = wrong ? 1 : 0;
