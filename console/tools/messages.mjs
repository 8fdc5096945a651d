// Brings the catalogues up to date with the sources: node tools/messages.mjs. With --check nothing is written, and it fails where they are not, or where a
// message has no German.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const kept = join(root, 'src/locales');
const check = process.argv.includes('--check');
const CATALOGUES = ['en/first.po', 'en/rest.po', 'de/first.po', 'de/rest.po'];
const folder = check ? mkdtempSync(join(tmpdir(), 'alto-say-')) : kept;
const wrong = [];
try {
  if (check) cpSync(kept, folder, { recursive: true });
  const made = spawnSync(
    process.execPath,
    [join(root, 'node_modules/@lingui/cli/dist/lingui.js'), 'extract', '--clean'],
    {
      cwd: root,
      env: { ...process.env, ALTO_LOCALES: folder },
      encoding: 'utf8',
    },
  );
  if (made.status !== 0) throw new Error(made.stdout + made.stderr);
  for (const name of CATALOGUES) {
    const text = readFileSync(join(folder, name), 'utf8');
    const old = check ? readFileSync(join(kept, name), 'utf8') : text;
    if (text !== old)
      wrong.push(`src/locales/${name} is not as the sources are: run node tools/messages.mjs`);
    // The first entry is the catalogue's head.
    for (const [, id] of text.matchAll(/^msgid ((?:"(?:[^"\\]|\\.)*"\n?)+)msgstr ""\n(?!")/gm))
      wrong.push(`src/locales/${name}: no translation of ${id.trim()}`);
  }
} finally {
  if (check) rmSync(folder, { recursive: true });
}
for (const line of wrong) console.error(line);
process.exitCode = wrong.length ? 1 : 0;
