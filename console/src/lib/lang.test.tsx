import { i18n } from '@lingui/core';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { App } from '../app';
import { serve } from '../testing';
import { counted } from './counted';
import { ago, bytes, compact, count, dateText, span, spanAgo } from './format';
import { speak, wanted } from './lang';
import { setPrefs } from './prefs';
import { explain } from './reasons';
import { event, words } from './words';

const speaks = (...languages: string[]) => {
  vi.stubGlobal('navigator', { ...navigator, languages, language: languages[0] });
};

afterEach(async () => {
  cleanup();
  vi.unstubAllGlobals();
  setPrefs({ language: '', region: '' });
  await speak('en');
});

describe('the language', () => {
  it.each([
    [['de-AT', 'en'], 'de'],
    [['fr-FR', 'de', 'en'], 'de'],
    [['en-GB', 'de'], 'en'],
    [['ja'], 'en'],
    [[], 'en'],
  ])('of a browser that asks for %j is %s', (languages, language) => {
    speaks(...languages);
    expect(wanted()).toBe(language);
  });
  it('is the chosen one first', () => {
    speaks('de-DE');
    setPrefs({ language: 'en' });
    expect(wanted()).toBe('en');
  });
});

describe('German', () => {
  beforeEach(() => speak('de'));
  const now = Date.parse('2026-11-23T12:00:00Z');
  it('counts', () => {
    expect([counted(1, 'file'), counted(0, 'file'), counted(1204, 'access')]).toEqual([
      '1 Datei',
      '0 Dateien',
      '1.204 Zugriffe',
    ]);
  });
  it('tells times', () => {
    expect(ago('2026-11-23T11:58:00Z', now)).toBe('vor 2 Minuten');
    expect(ago(null, now)).toBe('nie');
    expect(dateText('2026-11-23T12:00:00Z', 'day', 'UTC')).toBe('23.11.2026');
    expect([span(5 * 86_400), spanAgo(5 * 86_400), spanAgo(120)]).toEqual([
      '5 Tage',
      'vor 5 Tagen',
      'vor 2 min',
    ]);
  });
  it('writes numbers as in Germany where the browser is not German, and as in a region that was chosen', () => {
    speaks('en-US');
    expect([count(1_234_567), bytes(1_230_000)]).toEqual(['1.234.567', '1,23 MB']);
    expect(compact(1_230_000)).toMatch(/^1,23\sMio\.$/);
    setPrefs({ region: 'de-CH' });
    expect(count(1_234_567)).toMatch(/^1.234.567$/);
    expect(count(1_234_567)).not.toBe('1.234.567');
  });
  it('knows what the server calls things, and shows what it does not know', async () => {
    expect([words('wrong_password'), event('rule.update'), words('quite_new')]).toEqual([
      'falsches Kennwort',
      'Regel: geändert',
      'quite new',
    ]);
    i18n.load('de', (await import('../locales/de/rest.po')).messages);
    expect(explain('pinned')).toBe('Eine Regel hält sie lokal.');
  });
});

describe('the catalogues', () => {
  const files = import.meta.glob('../locales/de/*.po', { query: '?raw', import: 'default', eager: true });
  const joined = (lines: string) =>
    JSON.parse(
      `"${lines
        .split('\n')
        .map((l) => l.slice(1, -1))
        .join('')}"`,
    ) as string;
  const all = Object.values(files).flatMap((text) =>
    [...(text as string).matchAll(/^msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)/gm)]
      .map((m) => [joined(m[1]!.trim()), joined(m[2]!.trim())] as const)
      .filter(([id]) => id),
  );
  it('hold what the sources say', () => expect(all.length).toBeGreaterThan(1000));
  it('have the same values and elements in German', () => {
    const parts = (text: string) => [...new Set(text.match(/\{\w+(?=[},])|<\/?\d+\/?>/g) ?? [])].sort();
    // One form may do for both where German has but one.
    const wrong = all.filter(([id, say]) => {
      const [a, b] = [parts(id), parts(say)];
      return /, plural,/.test(id) ? b.some((p) => !a.includes(p)) : a.join() !== b.join();
    });
    expect(wrong).toEqual([]);
  });
  it('end as the English does', () => {
    const end = (text: string) => /[.!?:…]$/.exec(text.trim())?.[0] ?? '';
    expect(
      all.filter(
        ([id, say]) => !/plural|Mon\.$|Wo\.$|J\.$|T\.$/.test(`${id} ${say}`) && end(id) !== end(say),
      ),
    ).toEqual([]);
  });
});

it('changes when it is chosen, and the page is not loaded again', async () => {
  serve('full');
  window.history.pushState({}, '', '/settings');
  render(<App />);
  await screen.findByRole('heading', { level: 1, name: 'Settings' });
  fireEvent.click(screen.getByRole('radio', { name: 'Deutsch' }));
  await screen.findByRole('heading', { level: 1, name: 'Einstellungen' });
  await waitFor(() => expect(document.title).toBe('Einstellungen · Alto'));
  expect([document.documentElement.lang, i18n.locale]).toEqual(['de', 'de']);
  fireEvent.click(screen.getByRole('radio', { name: 'English' }));
  await screen.findByRole('heading', { level: 1, name: 'Settings' });
  expect(document.documentElement.lang).toBe('en');
});
