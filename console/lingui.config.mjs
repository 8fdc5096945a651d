// Where messages stand and where their translations are kept. Those that the first page needs have a catalogue of their own: the rest is loaded beside the rooms.
import { formatter } from '@lingui/format-po';

/** What is on the way to the first page: vite.config.ts holds this list to what the build really loads for it. */
export const FIRST = [
  'app',
  'inside',
  'api/client',
  'lib/counted',
  'lib/format',
  'lib/lang',
  'lib/rooms',
  'lib/words',
  'rooms/login',
  'rooms/overview',
  'ui/accessstate',
  'ui/basics',
  'ui/failed',
  'ui/fence',
  'ui/fresh',
  'ui/keys',
  'ui/layout',
  'ui/nav',

  'ui/record',
  'ui/switcher',
  'ui/time',
  'ui/waiting',
];
const files = (names, dir = 'src') => names.map((name) => `${dir}/${name}.{ts,tsx}`);
const folder = process.env.ALTO_LOCALES ?? 'src/locales';

export default {
  locales: ['en', 'de'],
  sourceLocale: 'en',
  catalogs: [
    { path: `${folder}/{locale}/first`, include: files(FIRST) },
    {
      path: `${folder}/{locale}/rest`,
      include: ['src'],
      exclude: ['**/*.test.*', 'src/testing.tsx', 'src/api/types.gen.ts', ...files(FIRST)],
    },
  ],
  format: formatter({ lineNumbers: false }),
  orderBy: 'origin',
};
