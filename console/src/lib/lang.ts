// The language of the console: the one that was chosen, or the browser's where it is one of ours. Only its catalogue is loaded, what the first page says
// before what the rooms say.
import { i18n, type Messages } from '@lingui/core';
import type { ConfigProviderProps } from 'antd';
import { type ComponentType, lazy } from 'react';
import { type Language, prefs } from './prefs';

export const LANGUAGES: Language[] = ['en', 'de'];
type Catalogue = () => Promise<{ messages: Messages }>;
type AntLocale = ConfigProviderProps['locale'];

const FIRST: Record<Language, Catalogue> = {
  en: () => import('../locales/en/first.po'),
  de: () => import('../locales/de/first.po'),
};
const REST: Record<Language, Catalogue> = {
  en: () => import('../locales/en/rest.po'),
  de: () => import('../locales/de/rest.po'),
};
/** Ant Design speaks English by itself. */
const ANT: Record<Language, () => Promise<AntLocale>> = {
  en: () => Promise.resolve(undefined),
  de: () => import('antd/es/locale/de_DE').then((m) => m.default),
};

// Until a catalogue is there, and in tests without one, messages are the English of the sources.
i18n.load('en', {});
i18n.activate('en');

export function wanted(): Language {
  if (prefs().language) return prefs().language as Language;
  const asked = typeof navigator === 'undefined' ? [] : navigator.languages;
  const ours = asked.map((name) => name.toLowerCase().split('-')[0] as Language);
  return ours.find((name) => LANGUAGES.includes(name)) ?? 'en';
}

let restWanted = false;
const restOf = new Set<Language>();
let antLocale: AntLocale;
export const localeOfAnt = (): AntLocale => antLocale;
export const spoken = (): Language => i18n.locale as Language;

async function loadRest(language: Language): Promise<void> {
  restWanted = true;
  if (restOf.has(language)) return;
  const { messages } = await REST[language]();
  restOf.add(language);
  i18n.load(language, messages);
}

/** Loads a language and changes to it. */
export async function speak(language: Language): Promise<void> {
  const [{ messages }, ant] = await Promise.all([
    FIRST[language](),
    ANT[language](),
    restWanted ? loadRest(language) : undefined,
  ]);
  antLocale = ant;
  i18n.load(language, messages);
  i18n.activate(language);
  document.documentElement.lang = language;
}

/** What is not needed at once, with what it says. */
export function late<P>(load: () => Promise<{ default: ComponentType<P> }>) {
  return lazy(async () => {
    const [part] = await Promise.all([load(), loadRest(spoken())]);
    return part;
  });
}
