/** Answers that stand in for those of the server: what no server can be made to say in a second. */
import type { Page } from 'playwright-core'

export type Answers = Record<string, (url: URL) => unknown>

/** By path; one that ends with `*` is of all paths that begin so. `null` is no answer at all. */
export async function answer(page: Page, answers: Answers) {
  for (const [path, of] of Object.entries(answers)) {
    const begins = path.endsWith('*') ? path.slice(0, -1) : null
    await page.route(
      (url) => (begins === null ? url.pathname === path : url.pathname.startsWith(begins)),
      (route) => {
        const told = of(new URL(route.request().url()))
        return told === null ? route.abort() : route.fulfill({ json: told })
      },
    )
  }
}

/** As who one is signed in. */
export const actingAs = (role: string): Answers => ({
  '/api/v1/status': () => ({ version: 'test', now: Date.now() / 1000, started: 0, host: 'vm', read_only: null, health: 'ok', auth: { mode: 'required', user: 'vera', role } }),
})
