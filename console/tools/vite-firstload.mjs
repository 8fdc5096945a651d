// What is loaded before the first page is shown, compressed: a build that makes it too large fails, as does one in which it says something whose catalogue
// comes later.
import { gzipSync } from 'node:zlib';
import { FIRST } from '../lingui.config.mjs';

const MOST_KB = 300;
/** The pages that can be the first, each with the modules that are asked for on its way beside the entry. */
const PAGES = {
  'the login': ['src/main.tsx', 'src/rooms/login.tsx'],
  'the overview': ['src/main.tsx', 'src/inside.tsx', 'src/rooms/overview.tsx'],
};
const LANGUAGES = ['en', 'de'];

/** A chunk with all that it imports at once. */
function closure(bundle, names) {
  const seen = new Set();
  const add = (name) => {
    const chunk = bundle[name];
    if (seen.has(name) || !chunk) return;
    seen.add(name);
    chunk.imports?.forEach(add);
    chunk.viteMetadata?.importedCss?.forEach(add);
  };
  names.forEach(add);
  return seen;
}

export function firstLoad() {
  return {
    name: 'alto-first-load',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const chunkOf = (end) =>
          Object.values(bundle).find((c) => c.type === 'chunk' && c.moduleIds.some((id) => id.endsWith(end)))
            ?.fileName ?? this.error(`no chunk has ${end}`);
        for (const [page, modules] of Object.entries(PAGES)) {
          for (const language of LANGUAGES) {
            const said = [`src/locales/${language}/first.po`];
            if (language !== 'en') said.push(`antd/es/locale/${language}_DE.js`);
            const names = closure(bundle, [...modules, ...said].map(chunkOf));
            const sizes = [...names].map((name) => {
              const c = bundle[name];
              return [name, gzipSync(c.type === 'chunk' ? c.code : c.source, { level: 9 }).length];
            });
            const kb = sizes.reduce((sum, [, n]) => sum + n, 0) / 1024;
            console.log(`first load of ${page} (${language}): ${kb.toFixed(1)} KB gzip of ${MOST_KB}`);
            if (process.env.ALTO_SIZES)
              for (const [name, n] of sizes.sort((a, b) => b[1] - a[1]))
                console.log(`  ${(n / 1024).toFixed(1)} ${name}`);
            if (process.env.ALTO_SIZES === 'modules') {
              const by = {};
              for (const name of names)
                for (const [id, m] of Object.entries(bundle[name].modules ?? {})) {
                  const key =
                    /node_modules\/((?:@[^/]+\/)?[^/]+(?:\/es\/[^/]+)?)/.exec(
                      id.replace(/.*node_modules/, 'node_modules'),
                    )?.[1] ?? id;
                  by[key] = (by[key] ?? 0) + m.renderedLength;
                }
              for (const [k, n] of Object.entries(by)
                .sort((a, b) => b[1] - a[1])
                .slice(0, 70))
                console.log(`   ${(n / 1024).toFixed(1)} ${k}`);
            }
            if (kb > MOST_KB && !process.env.ALTO_SIZES)
              this.error(`${page} loads ${kb.toFixed(1)} KB before it is shown; ${MOST_KB} are allowed`);
            const early = [...names].flatMap((name) => bundle[name].moduleIds ?? []);
            const late = early
              .map((id) => /\/src\/(.*)\.tsx?$/.exec(id)?.[1])
              .filter(
                (id) =>
                  id &&
                  !FIRST.includes(id) &&
                  this.getModuleInfo(early.find((m) => m.includes(`/src/${id}.ts`)))?.code?.includes(
                    '@lingui/',
                  ),
              );
            if (late.length)
              this.error(
                `${page} needs messages of ${late.join(', ')}: add them to FIRST in lingui.config.mjs`,
              );
          }
        }
      },
    },
  };
}
