import lingui from 'eslint-plugin-lingui';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** Attributes and members whose texts nobody reads. */
const UNREAD = [
  { regex: { pattern: '(class|style|color)(name)?$', flags: 'i' } },
  {
    regex: {
      pattern: '^(data-.*|aria-(haspopup|current|keyshortcuts|autocomplete|labelledby|describedby|sort))$',
    },
  },
  ...[
    'key',
    'type',
    'id',
    'path',
    'href',
    'src',
    'role',
    'accept',
    'command',
    'fontFamily',
    'margin',
    'padding',
    'border',
  ],
  ...[
    'borderTop',
    'borderInlineEnd',
    'borderBottom',
    'gridTemplateColumns',
    'flex',
    'scroll',
    'fill',
    'stroke',
    'd',
    'rel',
    'stackId',
  ],
  ...['autoComplete', 'pattern', 'rowKey', 'queryKey', 'where', 'viewBox', 'interval', 'separator'],
];
/** Calls whose texts nobody reads. */
const QUIET = [
  ...[
    '*.get',
    '*.has',
    '*.getItem',
    '*.setItem',
    '*.querySelector',
    '*.querySelectorAll',
    '*.closest',
    '*.addEventListener',
    '*.removeEventListener',
  ],
  ...[
    '*.GET',
    '*.POST',
    '*.PUT',
    '*.PATCH',
    '*.DELETE',
    '*.includes',
    '*.startsWith',
    '*.endsWith',
    '*.split',
    '*.replace',
    '*.test',
    '*.set',
    '*.append',
  ],
  ...[
    'matchMedia',
    'useMedia',
    'Error',
    'counted',
    'dateText',
    'Intl.*',
    '*.slice',
    '*.padStart',
    '*.join',
    '*.open',
    'go',
    'to',
    'lazy',
    'late',
    'import',
  ],
];

export default tseslint.config(
  { ignores: ['dist', 'src/api/types.gen.ts'] },
  ...tseslint.configs.recommended,
  {
    plugins: { 'react-hooks': hooks },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
    },
  },
  {
    // What somebody reads is a message: doc/adr/0064.
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/**/*.test.*', 'src/testing.tsx'],
    plugins: { lingui },
    rules: {
      'lingui/t-call-in-function': 'error',
      'lingui/no-trans-inside-trans': 'error',
      'lingui/no-single-tag-to-translate': 'error',
      'lingui/no-unlocalized-strings': [
        'error',
        {
          // A single word in small letters is a name; no letters say nothing. Then units, times for programs, names of products and languages,
          // examples of paths and accounts, and what belongs to the rule language or a command line.
          ignore: [
            '^(?![A-Z])\\S+$',
            '^[^A-Za-z]*$',
            '^[A-Z][A-Z0-9]*$',
            '^\\s*(s|min|h|·|[kKMGTP]i?B)[ \\d(),kMGTPKiB]*(s|min)?$',
            '^T00:00:00Z$',
            '^[ ·]*(Alto|LucidLink|Linux|Windows|CSV|Parquet|UTF-8|Windows-1252|English|Deutsch)$',
            '^[^ ]*[\\\\/*@,][^ ]*( \\*@.*|  \\( / \\))?$',
            '^(older|newer) than$',
            '^(size|accessed|path|alto|alto-agent|systemctl|msiexec) .*',
            '^\\dpx solid',
            '^⌘ K$',
          ],
          ignoreNames: UNREAD,
          ignoreFunctions: QUIET,
        },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'JSXText[value=/[A-Za-z]{2}/]:not(JSXElement[openingElement.name.name=/^(Trans|code|kbd)$/] JSXText)',
          message: 'A text outside of a message: wrap it in <Trans>.',
        },
      ],
    },
  },
);
