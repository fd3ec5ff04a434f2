import { defineConfig } from 'vitest/config'

// Real Chromium against the built binary: `BELLWETHER_BIN=… npm run test:browser`.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['browser/**/*.test.ts'],
    fileParallelism: false,
    // A machine that is busy with other work is slow, not wrong: conditions are waited for, generously.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: ['default', './support/summary.ts'],
  },
})
