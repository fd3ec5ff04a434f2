import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, settled, wear, type Watched } from '../support/browser.ts'
import { attempts, Server, until } from '../support/server.ts'

/** Errors as they come: sent as clients do, seen in the page of whoever looks. */
let browser: Browser
let server: Server
let dsn: URL

const PASSWORD = 'hunter2-of-the-test'

/** A client of the oldest protocol; each kind is an error of its own. */
async function send(kind: string, change: Record<string, unknown> = {}) {
  const frame = { function: `do_${kind}`, module: `jobs.${kind}`, filename: `jobs/${kind}.py`, abs_path: `/srv/jobs/${kind}.py`, lineno: 7, in_app: true, pre_context: ['def send(part):'], context_line: `    raise ${kind}(part)`, post_context: [''], vars: { part: '3', password: PASSWORD } }
  const event = { platform: 'python', exception: { values: [{ type: kind, value: 'it broke', stacktrace: { frames: [frame] } }] }, ...change }
  const sent = await fetch(server.url(`/api${dsn.pathname}/store/?sentry_version=7&sentry_key=${dsn.username}`), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) })
  expect(sent.status).toBe(200)
}
const link = (page: Watched, kind: string) => page.getByRole('link', { name: `${kind}: it broke` })
/** As if the tab were behind others: no browser without a screen has such. */
const hide = (page: Watched, how: 'hidden' | 'visible') =>
  page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  }, how)

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
  await server.cli(['project', 'create', 'web'])
  const [project] = await server.json<{ dsn: string }[]>('/api/v1/errors/projects')
  dsn = new URL(project.dsn)
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

test('the first event ticks the project; sent to seen within 2 s; what is new is told of once', async () => {
  const page = await open(browser, server.url('/errors?tab=projects'))
  await page.getByText('Waits for the first event…').waitFor()
  await send('First')
  await page.getByText('Received: the first event is here.').waitFor()
  await page.goto(server.url('/errors'))
  await link(page, 'First').waitFor()
  await settled(page)
  // Other work on the machine may spoil one, not four of them.
  const isSoon = await attempts(4, async (index) => {
    const began = Date.now()
    await send(`Live${index}`)
    await link(page, `Live${index}`).waitFor()
    return Date.now() - began <= 2000
  })
  expect(isSoon).toBe(true)
  await until('its row says so', async () => (await page.locator('.arrived').first().innerText()).includes('just now'))
  expect(await page.getByText('New within two hours').count()).toBe(1)
  await page.context().close()
})

test('paused, what comes is counted only; a tab behind others says how much came', async () => {
  const page = await open(browser, server.url('/errors'))
  await link(page, 'First').waitFor()
  await settled(page)
  await page.keyboard.press('l')
  await page.getByText('Paused: what comes is counted only.').waitFor()
  await send('Paused')
  await page.getByRole('button', { name: '1 new one: show' }).waitFor()
  expect(await link(page, 'Paused').count()).toBe(0)
  await page.getByRole('button', { name: '1 new one: show' }).click()
  await link(page, 'Paused').waitFor()
  await page.keyboard.press('l')
  await hide(page, 'hidden')
  await send('Behind')
  // The word of the one before may come this late: the list is asked for apart from it.
  await until('the title of the tab', async () => /^\([12]\) /.test(await page.title()))
  await hide(page, 'visible')
  await until('the title as it was', async () => !(await page.title()).startsWith('('))
  await page.getByRole('heading', { level: 1 }).hover()
  await link(page, 'Behind').waitFor()
  await page.context().close()
})

test('one as it was kept: scrubbed, its stack as text is one key away, and remembered; axe in both themes', async () => {
  await send('Kept', { user: { id: '17' }, tags: { drive: 'gdrive' }, breadcrumbs: { values: [{ category: 'http', data: { method: 'PUT', url: 'https://drive.example.com/part', status_code: 401 } }] }, request: { url: 'https://shop.example.com/cart', method: 'POST' }, extra: { file: 'IMG_1.jpg' } })
  const page = await open(browser, server.url('/errors'))
  await link(page, 'Kept').click()
  await page.locator('pre').getByText('raise Kept(part)').waitFor()
  await page.getByText('taken out by the rule “password”').waitFor()
  for (const what of ['PUT https://drive.example.com/part 401', 'https://shop.example.com/cart', 'IMG_1.jpg']) await page.getByText(what, { exact: true }).first().waitFor()
  expect(await page.content()).not.toContain(PASSWORD)
  for (const theme of ['dark', 'light'] as const) {
    await wear(page, 1400, theme)
    expect(await axe(page), theme).toEqual([])
  }
  await page.keyboard.press('w')
  await page.getByText('File "jobs/Kept.py", line 7, in do_Kept').waitFor()
  await page.goto(server.url('/errors'))
  await link(page, 'First').click()
  await page.getByText('File "jobs/First.py", line 7, in do_First').waitFor()
  await page.context().close()
})
