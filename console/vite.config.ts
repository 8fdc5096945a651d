import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// The console is served by altod under a strict policy: no inline scripts, nothing from other hosts, hashed assets.
export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
  },
  // The tests read the server's own sources beside the console.
  server: { proxy: { '/api': 'http://127.0.0.1:8420' }, fs: { allow: ['..'] } },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'] },
});
