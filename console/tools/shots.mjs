// Screenshots of every room of a running altod: node tools/shots.mjs URL NAME PASSWORD-FILE FOLDER. Tells what the browser's console complained about.
import { mkdirSync, readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [url, name, passwordFile, folder = 'shots'] = process.argv.slice(2);
const password = readFileSync(passwordFile, 'utf8').trim();
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
let wrong = 0;
for (const [width, height, scheme] of [[1440, 900, 'light'], [1440, 900, 'dark'], [390, 844, 'light']]) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  const complain = (text) => { wrong++; console.log(`${width} ${scheme} ${page.url()}: ${text}`); };
  page.on('console', (m) => { if (m.type() === 'error' && !/401/.test(m.text())) complain(m.text()); });
  page.on('pageerror', (e) => complain(e.message));
  const shot = async (room) => {
    await page.waitForTimeout(900);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (over > 0) complain(`${room} is ${over} px too wide`);
    await page.screenshot({ path: `${folder}/${room}-${width}-${scheme}.png` });
  };
  await page.goto(`${url}/`);
  await page.getByLabel('Name').waitFor();
  await shot('login');
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await shot('overview');
  for (const room of ['customers', 'hosts', 'volumes', 'shares', 'rules', 'jobs', 'audit', 'users']) {
    await page.goto(`${url}/${room}`);
    await shot(room);
    const first = page.locator('tbody a').first();
    if (['volumes', 'rules', 'jobs'].includes(room) && await first.count()) {
      await first.click();
      if (room === 'rules') await page.getByRole('button', { name: 'Preview' }).click();
      await shot(`${room}-one`);
    }
  }
  await context.close();
}
await browser.close();
process.exitCode = wrong ? 1 : 0;
