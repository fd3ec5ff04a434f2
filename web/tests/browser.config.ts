import { defineConfig } from 'vitest/config'

// Real Chromium against the built binary: `BELLWETHER_BIN=… npm run test:browser`.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['browser/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './support/summary.ts'],
  },
})
