import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launch, next, open, settled, shot, type Watched } from '../support/browser.ts'
import { pause, Server } from '../support/server.ts'
import { busy, past } from '../support/site.ts'

/** Screenshots to look at, in tests/out/. A picture is only good when somebody saw it: these make them, people judge them. */
let browser: Browser
let server: Server
let empty: Server
let rest: () => void

const EXPLORE = '/explore?from=-10min&to=now&q=stats.timers.view.*.upper_90&q=sumSeries(stats.uploads.*.failed)'
const CHIPS = '/explore?from=-10min&to=now&chips=1&how=1&vs=1d&q=movingAverage(asPercent(stats.uploads.*.failed,stats.uploads.*.completed,2),%2730s%27)&q=stats.timers.view.*.upper_90'
const PAGES = { home: '/', explore: EXPLORE, chips: CHIPS, data: '/data', blank: '/explore' }
const SIZES = [[1400, 900], [900, 900], [390, 844]] as const

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
  empty = await Server.start('', { BELLWETHER_COLLECTORS__HOST: 'false', BELLWETHER_SELF__SERIES: 'false' })
  await server.carbon(past().join('\n') + '\n')
  await fetch(server.url('/events/'), { method: 'POST', body: JSON.stringify({ what: 'web@1.4.3 deployed', tags: 'deploy web', when: Math.floor(Date.now() / 1000) - 200 }) })
  rest = busy(server)
  await pause(4000)
})
afterAll(async () => {
  rest?.()
  await browser?.close()
  await server?.stop()
  await empty?.stop()
})

describe.each(['dark', 'light'] as const)('%s', (colorScheme) => {
  let page: Watched
  beforeAll(async () => (page = await open(browser, 'about:blank', { colorScheme })))
  afterAll(() => page?.context().close())

  test.each(Object.entries(PAGES))('%s', async (name, path) => {
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height })
      await next(page, server.url(path))
      await settled(page)
      await shot(page, `${name}-${width}-${colorScheme}`)
      expect(page.wrong).toEqual([])
    }
  })
})

test('empty', async () => {
  for (const [name, path] of Object.entries({ home: '/', explore: '/explore', data: '/data' })) {
    const page = await open(browser, empty.url(path))
    await settled(page)
    await shot(page, `empty-${name}`)
    expect(page.wrong).toEqual([])
    await page.context().close()
  }
})

test('in trouble', async () => {
  const page = await open(browser, server.url(EXPLORE.replace('sumSeries', 'sumSerie')), { colorScheme: 'light' })
  await page.locator('h1').waitFor()
  await page.getByLabel('Target 2', { exact: true }).click()
  await page.waitForTimeout(1500)
  await shot(page, 'wrong-target')
  await page.route('**/api/v1/**', (route) => route.abort())
  await page.goto(server.url('/data'))
  await page.waitForTimeout(1500)
  await shot(page, 'wrong-data')
  await page.context().close()
})

test('over the page', async () => {
  const page = await open(browser, server.url('/'))
  await page.waitForTimeout(1500)
  await page.keyboard.press('t')
  await page.waitForTimeout(300)
  await shot(page, 'time-menu')
  await page.keyboard.press('Escape')
  await page.getByLabel('You and this page').click()
  await page.waitForTimeout(300)
  await shot(page, 'me-menu')
  await page.keyboard.press('Escape')
  await page.keyboard.press('/')
  await page.keyboard.type('upload')
  await page.waitForTimeout(600)
  await shot(page, 'palette')
  await page.context().close()
})
