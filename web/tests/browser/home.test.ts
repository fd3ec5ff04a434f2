import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, open, picture } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

let browser: Browser
let server: Server
let listening: number

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
  listening = Date.now()
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

test('ten seconds after the first listen host graphs move, without any set-up', async () => {
  const page = await open(browser, server.url())
  const canvas = 'article .u-wrap canvas'
  await page.waitForSelector(canvas)
  const first = await picture(page, canvas)
  await until('a moving graph', async () => (await picture(page, canvas)) !== first, 10)
  expect(Date.now() - listening).toBeLessThan(10_000)
  expect(page.wrong).toEqual([])
  expect(page.foreign).toEqual([])
  await page.context().close()
})

test('a deploy is marked on every graph of the host', async () => {
  const page = await open(browser, server.url())
  await page.waitForSelector('article .u-wrap canvas')
  await fetch(server.url('/events/'), { method: 'POST', body: JSON.stringify({ what: 'web 1.5 deployed', tags: 'deploy' }) })
  for (const place of [0, 1]) {
    const graph = page.locator('article [role=slider]').nth(place)
    // Leftwards through the last minute, until marks were asked for again and this one is told.
    await until('the mark', async () => {
      await graph.press('End')
      for (let step = 0; step < 60; step++) {
        if ((await graph.getAttribute('aria-valuetext'))?.includes('web 1.5 deployed')) return true
        await graph.press('ArrowLeft')
      }
      return false
    })
  }
  await page.context().close()
})

test('calm is proved: a sentence, the age of the newest point, since when', async () => {
  const page = await open(browser, server.url())
  await page.waitForSelector('h1 + .proof')
  expect(await page.locator('h1').innerText()).toMatch(/\w/)
  await until('the age of the newest point', async () => /Newest point\s+[\d.]+\s*s ago/.test(await page.locator('.proof').innerText()))
  await page.context().close()
})

test('what does not arrive yet says how to send it, and ticks when it came', async () => {
  const page = await open(browser, server.url())
  await page.getByText('Send a number to StatsD').waitFor()
  const code = await page.locator('pre').innerText()
  expect(code).toContain(`127.0.0.1/${server.ports.statsd}`)
  expect(await page.getByText('Waiting for the first point').count()).toBe(1)
  await server.statsd('demo.visits:1|c')
  await page.getByText(/Received|StatsD.*points\/s/s).first().waitFor()
  await page.context().close()
})

test('services are guessed from names, and their level is changed on the spot', async () => {
  await server.statsd('shop.orders.placed:3|c', 'shop.orders.failed:1|c')
  const page = await open(browser, server.url())
  const row = page.locator('tr', { hasText: 'shop' }).first()
  await row.waitFor()
  await row.locator('select').selectOption('business')
  await page.getByText(/is now Business/).waitFor()
  await page.getByRole('button', { name: /^Business/ }).click()
  await until('the level in the URL', () => new URL(page.url()).searchParams.get('level') === 'business')
  await page.reload()
  await page.locator('tr', { hasText: 'shop' }).first().waitFor()
  expect(await page.locator('tr', { hasText: 'shop' }).first().locator('select').inputValue()).toBe('business')
  await page.context().close()
})

test('the last known Home is there at once after a reload, marked with its age, when the server is away', async () => {
  const page = await open(browser, server.url())
  await page.getByRole('heading', { name: 'What arrives', exact: true }).waitFor()
  await page.route('**/api/v1/home', (route) => route.abort())
  await page.reload()
  await page.getByText(/Last known:/).waitFor()
  await page.getByText(/Shown as of/).waitFor()
  await page.context().close()
})

test('each small graph says its resolution and age, and how far to believe it; raw points are one click away', async () => {
  const page = await open(browser, server.url())
  const panel = page.locator('article', { hasText: 'Load' })
  const trust = panel.getByRole('button', { name: /^About Load/ })
  await until('resolution and age', async () => /1\s*s · [\d.]+\s*s ago/.test(await trust.innerText()))
  await trust.click()
  await panel.getByText(/as stored/).first().waitFor()
  await panel.getByText(/^late /).first().waitFor()
  await panel.getByRole('link', { name: 'Raw points' }).click()
  await page.getByRole('table', { name: 'Raw points' }).waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a number sent once by hand is not missed afterwards', async () => {
  await server.carbon(`tried.once 1 ${Math.floor(Date.now() / 1000)}\n`)
  const carbon = await until('Carbon among what arrives', async () => {
    const { arriving } = await server.json<{ arriving: { source: string; regular: boolean }[] }>('/api/v1/home')
    return arriving.find(({ source }) => source === 'carbon')
  })
  expect(carbon!.regular).toBe(false)
})
