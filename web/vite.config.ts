import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'
import { compress } from './compress.ts'

// The demos are pages of their own, built only on request (`DEMOS=1`): they measure, they are not shipped.
const demos = process.env.DEMOS === '1'

export default defineConfig({
  plugins: [svelte(), compress()],
  base: '/',
  build: {
    outDir: demos ? 'tests/out/demos' : 'dist/ui',
    emptyOutDir: true,
    target: 'es2022',
    // A data: URL would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: demos ? ['demos/hundred.html'] : ['index.html'] },
  },
  worker: { format: 'es' },
  test: { include: ['src/**/*.test.ts'], environment: 'node', setupFiles: ['tests/zone.ts'] },
})
