import type { Reporter, TestModule } from 'vitest/node'

/** The closing line that any script can read: `browser: 30 passed, 0 failed, 1 skipped`. */
export default class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]) {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++
      if (module.errors().length) count.failed++
    }
    console.log(`browser: ${count.passed} passed, ${count.failed + count.pending} failed, ${count.skipped} skipped`)
  }
}
