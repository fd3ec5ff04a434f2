import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { axe, launch, next, open, settled, sideways, type Watched } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

let browser: Browser
let server: Server

const CHIPS = '/explore?from=-5min&to=now&chips=1&how=1&q=movingAverage(asPercent(host.*.load.1m,host.*.load.5m,1),%275min%27)'
/** Of something that is bad, so that there is an incident with all that belongs to one. */
const CONFIG = `
[[contact]]
name = "ana"
channels = ["log"]
[incidents]
contacts = ["ana"]
[[host]]
name = "web1"
[[check]]
name = "web1/queue"
host = "web1"
type = "passive"
max_check_attempts = 1
`
const INCIDENT = '/incidents/1'
const PAGES = { home: '/', explore: '/explore?from=-5min&to=now&q=host.*.load.*', blank: '/explore', data: '/data', chips: CHIPS, raw: '/explore?from=-5min&to=now&q=host.*.load.*&table=1&vs=1d', unknown: '/nowhere', monitors: '/monitors', services: '/services', incidents: '/incidents', editor: '/monitors?new=1',
  monitor: '/monitors/web1%2Fqueue', incident: INCIDENT, postMortem: `${INCIDENT}?tab=post-mortem`, oncall: '/oncall', changes: '/changes', reports: '/reports', settings: '/settings', posts: '/posts', proof: '/proof', errors: '/errors', projects: '/errors?tab=projects',
}
const WIDTHS = [1400, 900, 390]
/** What comes after the first sentence, and is looked at too. */
const SAYS: Partial<Record<string, string>> = { monitor: 'it fills when the newsletter goes out', incident: 'What to do', postMortem: 'What it came to', settings: 'Who changed what', oncall: 'Who would be woken' }

beforeAll(async () => {
  browser = await launch()
  server = await Server.start(CONFIG)
  await server.statsd('shop.orders:1|c', 'shop.pay:320|ms', 'not a line')
  const post = (path: string, body: unknown) => fetch(server.url(path), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  expect((await post('/api/v1/checks/web1%2Fqueue/result', { status: 2, output: '812 mails wait' })).status).toBe(200)
  await until('the incident', async () => (await fetch(server.url(`/api/v1${INCIDENT}`))).ok)
  expect((await post('/api/v1/post-mortems', { incident: 1 })).ok).toBe(true)
  expect((await post('/api/v1/comments?on=monitor:web1/queue', { text: 'it fills when the newsletter goes out' })).status).toBe(201)
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

/** What lies over a page hides parts of it; those are judged by themselves above. */
const OVER = 'dialog, [role=dialog]'

describe.each(['dark', 'light'] as const)('%s', (colorScheme) => {
  let page: Watched
  beforeAll(async () => (page = await open(browser, 'about:blank', { colorScheme })))
  afterAll(() => page?.context().close())

  test.each(Object.entries(PAGES))('axe finds nothing on %s', async (name, path) => {
    await page.setViewportSize({ width: WIDTHS[0], height: 900 })
    await next(page, server.url(path))
    if (SAYS[name]) await page.getByText(SAYS[name]).first().waitFor()
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 })
      await settled(page)
      expect(await axe(page), `${width} wide`).toEqual([])
    }
    // 404 is the unknown page; 409 how a server on which nobody has an account says whose settings it has.
    expect(page.wrong.filter((text) => !/404|409/.test(text))).toEqual([])
  })

  test('axe finds nothing on what lies over a page', async () => {
    const page = await open(browser, server.url('/'), { colorScheme })
    await settled(page)
    for (const key of ['/', '?', 't']) {
      await page.keyboard.press(key)
      await page.locator(OVER).waitFor()
      expect(await axe(page, OVER), key).toEqual([])
      await page.keyboard.press('Escape')
      await page.locator(OVER).waitFor({ state: 'detached' })
    }
    await page.getByLabel('You and this page').click()
    await page.locator(OVER).waitFor()
    expect(await axe(page, OVER), 'menu').toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /^About Memory/ }).click()
    await page.getByRole('link', { name: 'Raw points' }).waitFor()
    expect(await axe(page), 'about a graph').toEqual([])
    await page.context().close()
  })
})

describe('small', () => {
  let page: Watched
  beforeAll(async () => (page = await open(browser, 'about:blank')))
  afterAll(() => page?.context().close())

  test.each(Object.entries(PAGES))('%s fits a phone, and a screen enlarged four times', async (_, path) => {
    // Made where there is least room, then widened.
    await page.setViewportSize({ width: 350, height: 225 })
    await next(page, server.url(path))
    for (const viewport of [{ width: 350, height: 225 }, { width: 390, height: 844 }]) {
      await page.setViewportSize(viewport)
      await settled(page)
      expect(await sideways(page), JSON.stringify(viewport)).toBeLessThanOrEqual(0)
    }
  })
})

test('keys: places, list, search, zone; off while typing, and when switched off', async () => {
  const page = await open(browser, server.url('/'))
  await settled(page)
  // One key after the other counts within a moment; a busy machine may need a second try.
  const sequence = async (second: string, path: string) => {
    await page.keyboard.press('g')
    await page.keyboard.press(second)
    return new URL(page.url()).pathname === path
  }
  await until('Data', () => sequence('d', '/data'))
  await until('Explore', () => sequence('e', '/explore'))
  await page.getByLabel('Find names').focus()
  await page.keyboard.type('gh')
  expect(new URL(page.url()).pathname).toBe('/explore')
  await page.locator('h1').click()
  await page.keyboard.press('z')
  await until('the zone in the URL', () => new URL(page.url()).searchParams.has('z'))
  await page.keyboard.press('?')
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('/')
  await page.getByRole('combobox').fill('go to home')
  await page.keyboard.press('Enter')
  await until('Home', () => new URL(page.url()).pathname === '/')
  await page.getByLabel('You and this page').click()
  await page.getByRole('button', { name: 'Off', exact: true }).click()
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  expect(await page.getByRole('dialog', { name: 'Keyboard' }).count()).toBe(0)
  await page.context().close()
})

test('the first tab stop skips to the content; every link says where one is', async () => {
  const page = await open(browser, server.url('/data'))
  await settled(page)
  await page.keyboard.press('Tab')
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content')
  await page.keyboard.press('Enter')
  await until('focus on the content', async () => (await page.evaluate(() => document.activeElement?.id)) === 'content')
  expect(await page.locator('nav [aria-current=page]').innerText()).toBe('Data')
  await page.context().close()
})

test('a theme that was chosen is remembered', async () => {
  const page = await open(browser, server.url('/'))
  await settled(page)
  await page.getByLabel('You and this page').click()
  await page.getByRole('button', { name: 'Light' }).click()
  await page.reload()
  await settled(page)
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)).toBe('rgb(245, 246, 248)')
  await page.context().close()
})

test('who wants less motion gets none', async () => {
  const page = await open(browser, server.url('/'), { reducedMotion: 'reduce' })
  await page.locator('.dot.live').waitFor()
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0)
  await page.context().close()
})

test('links: this moment, and live', async () => {
  const page = await open(browser, server.url('/explore?from=-5min&to=now&q=host.*.load.*'), { permissions: ['clipboard-read', 'clipboard-write'] })
  await settled(page)
  await page.keyboard.press('s')
  await page.getByText('Link to this moment copied').waitFor()
  const link = new URL(await page.evaluate(() => navigator.clipboard.readText()))
  expect(Number(link.searchParams.get('to')) - Number(link.searchParams.get('from'))).toBeGreaterThanOrEqual(300)
  expect(link.searchParams.get('q')).toBe('host.*.load.*')
  await page.keyboard.press('S')
  await page.getByText('Live link copied').waitFor()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('from=-5min&to=now')
  await page.context().close()
})
