import { defineConfig } from 'vitest/config'

const ALL = 'browser/**/*.test.ts'
/** Judged by the clock, or by how much a processor does: these have the machine to themselves, after the others. */
const TIMED = ['acknowledge', 'budget', 'home', 'hundred', 'incoming', 'live', 'readme', 'watching'].map((name) => `browser/${name}.test.ts`)
/** A machine that is busy with other work is slow, not wrong: conditions are waited for, generously. */
const common = { root: import.meta.dirname, testTimeout: 300_000, hookTimeout: 300_000 }

// Real Chromium against the built binary: `BELLWETHER_BIN=… npm run test:browser`.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    reporters: ['default', './support/summary.ts'],
    projects: [
      // Much of a test is waiting: two at a time fill two cores.
      { test: { ...common, name: 'pages', include: [ALL], exclude: TIMED, maxWorkers: 2, sequence: { groupOrder: 0 } } },
      { test: { ...common, name: 'timed', include: TIMED, fileParallelism: false, sequence: { groupOrder: 1 } } },
    ],
  },
})
