import { fileURLToPath } from 'node:url';
import { lingui } from '@lingui/vite-plugin';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { firstLoad } from './tools/vite-firstload.mjs';
import { say } from './tools/vite-say.mjs';

/** Cards with tabs in their heads: there are none here, and tabs bring menus along, which the first page can do without. */
const plainCards = (): Plugin => ({
  name: 'alto-plain-cards',
  apply: 'build',
  enforce: 'pre',
  resolveId: (source, from) =>
    source === '../tabs' && from && /antd\/es\/card\//.test(from)
      ? fileURLToPath(new URL('src/ui/notabs.ts', import.meta.url))
      : undefined,
});

// The console is served by altod under a strict policy: no inline scripts, nothing from other hosts, hashed assets.
export default defineConfig({
  plugins: [
    plainCards(),
    say(),
    react(),
    lingui({ failOnMissing: true, failOnCompileError: true }),
    firstLoad(),
  ],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
  },
  // The tests read the server's own sources beside the console.
  server: { proxy: { '/api': 'http://127.0.0.1:8420' }, fs: { allow: ['..'] } },
  test: { environment: 'jsdom', setupFiles: ['src/lib/lang.ts'], include: ['src/**/*.test.{ts,tsx}'] },
});
