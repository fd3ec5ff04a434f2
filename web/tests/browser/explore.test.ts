import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { boxOf, launch, open, settled } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

let browser: Browser
let server: Server
/** Of the newest of the points below. */
let now: number

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
  now = Math.floor(Date.now() / 1000)
  const lines: string[] = []
  for (let at = now - 300; at <= now; at++) {
    // Twenty seconds are missing: a gap, not zeros.
    if (at > now - 120 && at < now - 100) continue
    for (const [index, name] of ['alpha', 'beta', 'gamma'].entries()) lines.push(`site.${name}.requests ${(index + 1) * 10 + (at % 7)} ${at}`)
  }
  await server.carbon(lines.join('\n') + '\n')
  await server.known('site.alpha.requests')
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

const explore = (query: string) => server.url(`/explore?${query}`)
/** All of the points, however late a test comes to look at them. */
const fixed = (newest = now) => `from=${newest - 290}&to=${newest - 1}`

test('a target is written, completed with last values, and drawn', async () => {
  const page = await open(browser, explore('from=-5min&to=now'))
  await page.getByLabel('Target 1', { exact: true }).click()
  await page.locator('.cm-content').waitFor()
  await page.keyboard.type('sumSeries(site.', { delay: 30 })
  const option = page.locator('.cm-tooltip-autocomplete li', { hasText: 'site.alpha.requests' })
  await option.waitFor()
  await until('a last value beside the name', async () => /\d/.test(await option.locator('.cm-completionDetail').innerText()))
  await page.keyboard.press('Escape')
  await page.keyboard.type('*.requests')
  await page.keyboard.press('Enter')
  await page.locator('.u-wrap canvas').waitFor()
  await until('the target in the URL', () => new URL(page.url()).searchParams.get('q') === 'sumSeries(site.*.requests)')
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('an error is underlined where it stands, with the cure; other targets go on', async () => {
  const page = await open(browser, explore(`${fixed()}&q=sumSerie(site.*.requests)&q=site.beta.requests`))
  await page.getByRole('alert').getByText('sumSerie').first().waitFor()
  await page.getByLabel('Target 1', { exact: true }).click()
  await page.locator('.t-wrong', { hasText: 'sumSerie' }).first().waitFor()
  await page.getByText('site.beta.requests').last().waitFor()
  await page.locator('.u-wrap canvas').waitFor()
  await page.context().close()
})

test('the legend counts what is stored, sorts, and a click isolates', async () => {
  const page = await open(browser, explore(`${fixed()}&q=site.*.requests`))
  const row = (name: string) => page.locator('[role=row]', { hasText: `site.${name}.requests` })
  await row('gamma').waitFor()
  expect(await row('gamma').locator('.min').innerText()).toBe('30')
  expect(await row('gamma').locator('.max').innerText()).toBe('36')
  await page.getByRole('button', { name: 'Max' }).click()
  expect(await page.locator('.legend .rows [role=row]').first().innerText()).toContain('gamma')
  await row('beta').getByRole('button').click()
  await until('isolation in the URL', () => new URL(page.url()).searchParams.get('only') === 'site.beta.requests')
  await page.getByRole('button', { name: /Show all/ }).click()
  await until('all lines', () => !new URL(page.url()).searchParams.has('only'))
  await page.context().close()
})

test('dragging zooms, back steps out again, and a copied address shows the same', async () => {
  const page = await open(browser, explore(`${fixed()}&q=site.alpha.requests`))
  await page.locator('.u-over').waitFor()
  const before = page.url()
  const box = await boxOf(page.locator('.u-over'))
  await page.mouse.move(box.x + box.width * 0.3, box.y + 80)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.6, box.y + 90, { steps: 5 })
  await page.mouse.up()
  await until('a zoomed URL', () => page.url() !== before)
  const zoomed = new URL(page.url())
  const width = Number(zoomed.searchParams.get('to')) - Number(zoomed.searchParams.get('from'))
  expect(width).toBeGreaterThan(70)
  expect(width).toBeLessThan(110)
  const other = await open(browser, page.url())
  await other.locator('.u-wrap canvas').waitFor()
  expect(await other.getByRole('button', { name: /–/ }).first().innerText()).toBe(await page.getByRole('button', { name: /–/ }).first().innerText())
  await page.goBack()
  await until('the earlier window', () => page.url() === before)
  await page.context().close()
  await other.context().close()
})

test('raw points are one key away, missing ones are said to be missing', async () => {
  const page = await open(browser, explore(`${fixed()}&q=site.alpha.requests`))
  await page.locator('.u-wrap canvas').waitFor()
  await page.locator('h1').click()
  await page.keyboard.press('T')
  const table = page.getByRole('table', { name: 'Raw points' })
  await table.waitFor()
  await until('rows', async () => (await table.getByRole('row').count()) > 5)
  await page.getByText(/1 gap/).first().waitFor()
  const csv = await page.getByRole('link', { name: 'CSV' }).getAttribute('href')
  expect(await (await fetch(server.url(csv!))).text()).toContain('site.alpha.requests')
  await page.context().close()
})

test('the same time earlier is drawn over it (past and present)', async () => {
  const page = await open(browser, explore(`${fixed()}&q=site.alpha.requests`))
  await page.getByLabel('Compare with').selectOption('1d')
  await until('a comparison in the URL', () => new URL(page.url()).searchParams.get('vs') === '1d')
  await page.getByText('vs. day before').waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('by keyboard: names, tree, cursor of the graph', async () => {
  const page = await open(browser, explore('from=-5min&to=now'))
  await page.getByRole('treeitem', { name: 'site' }).waitFor()
  await page.getByRole('tree').focus()
  for (let step = 0; step < 10; step++) {
    if ((await page.locator('.row.active').innerText()).startsWith('site')) break
    await page.keyboard.press('ArrowDown')
  }
  await page.keyboard.press('ArrowRight')
  await page.getByRole('treeitem', { name: 'alpha' }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowRight')
  await page.getByRole('treeitem', { name: 'requests' }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await until('the series in the URL', () => new URL(page.url()).searchParams.get('q') === 'site.alpha.requests')
  const cursor = page.getByRole('slider')
  await cursor.focus()
  await page.keyboard.press('Home')
  await until('a value that is read out', async () => /\d\d:\d\d:\d\d, .*1\d/.test((await cursor.getAttribute('aria-valuetext')) ?? ''))
  await page.context().close()
})

test('names are found by typing, and shown', async () => {
  const page = await open(browser, explore('from=-5min&to=now'))
  await page.getByLabel('Find names').fill('gam req')
  await page.locator('.sidebar .row', { hasText: 'site.gamma.requests' }).waitFor()
  await page.getByLabel('Find names').press('Enter')
  await until('the series in the URL', () => new URL(page.url()).searchParams.get('q') === 'site.gamma.requests')
  await page.context().close()
})

test('a failing graph says what failed and how to go on; the page stays', async () => {
  const page = await open(browser, explore('from=-5min&to=now'))
  await page.route('**/api/v1/graph', (route) => route.fulfill({ status: 503, json: { error: 'too many queries at once', hint: 'try again in a moment' } }))
  await page.goto(explore(`${fixed()}&q=site.alpha.requests`))
  await page.getByText('This graph could not be loaded').waitFor()
  await page.getByText(/too many queries at once/).waitFor()
  await page.unroute('**/api/v1/graph')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.locator('.u-wrap canvas').waitFor()
  await page.context().close()
})

test('a slow rhythm has no gaps, and is not taken for silence', async () => {
  const later = Math.floor(Date.now() / 1000)
  const lines = Array.from({ length: 30 }, (_, index) => `slow.job.lag 7 ${later - 290 + index * 10}`)
  await server.carbon(lines.join('\n') + '\n')
  await server.known('slow.job.lag')
  const page = await open(browser, explore(`${fixed(later)}&q=slow.job.lag`))
  await page.getByText('1\u202fs points, as stored').waitFor()
  await page.getByText(/^late /).waitFor()
  expect(await page.getByText(/gap/).count()).toBe(0)
  await page.context().close()
})

test('what happened is marked, also when StatsD tells it (DogStatsD events)', async () => {
  const page = await open(browser, explore('from=-5min&to=now&q=site.alpha.requests'))
  await settled(page)
  // While the page is open.
  await fetch(server.url('/events/'), { method: 'POST', body: JSON.stringify({ what: 'web@1.4.3 deployed', tags: 'deploy' }) })
  await page.getByText('web@1.4.3 deployed').waitFor()
  await server.statsd('_e{19,4}:web@1.4.2 came back|text')
  await page.getByText('web@1.4.2 came back').waitFor()
  await page.context().close()
})

test('what was lost stands beside the graphs that it affects', async () => {
  await server.statsd('shop.orders:1|c', 'no value here')
  await server.known('stats.shop.orders')
  const page = await open(browser, explore('from=-5min&to=now&q=stats.shop.orders'))
  await page.getByText(/1 dropped as unreadable/).waitFor()
  await page.context().close()
})

test('a dashboard of pictures that are reloaded works against /render as it did', async () => {
  const page = await open(browser, server.url('/data'))
  const size = await page.evaluate(async () => {
    const picture = new Image()
    picture.src = `/render?target=site.*.requests&width=400&height=250&from=-5min&rand=${Math.random()}`
    await picture.decode()
    return [picture.naturalWidth, picture.naturalHeight]
  })
  expect(size).toEqual([400, 250])
  await page.context().close()
})

test('names are cut by level, with words or without', async () => {
  await server.carbon(`shop.orders.placed 3 ${Math.floor(Date.now() / 1000)}\n`)
  await server.known('shop.orders.placed')
  const page = await open(browser, explore('from=-5min&to=now'))
  await page.getByRole('button', { name: 'Business', exact: true }).click()
  const names = page.locator('.sidebar .row')
  await names.filter({ hasText: 'shop.orders.placed' }).waitFor()
  expect(await names.filter({ hasText: 'host.' }).count()).toBe(0)
  await until('the level in the URL', () => new URL(page.url()).searchParams.get('level') === 'business')
  await page.getByLabel('Find names').fill('requests')
  await page.getByText('0 names').waitFor()
  await page.context().close()
})
