import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launch, open, settled, shot } from '../support/browser.ts'
import { pause, Server } from '../support/server.ts'

/** Screenshots to look at, in tests/out/. A picture is only good when somebody saw it: these make them, people judge them. */
let browser: Browser
let server: Server
let empty: Server
let sender: ReturnType<typeof setInterval>

const EXPLORE = '/explore?from=-10min&to=now&q=stats.timers.view.*.upper_90&q=sumSeries(stats.uploads.*.failed)'
const PAGES = { home: '/', explore: EXPLORE, data: '/data', blank: '/explore' }
const SIZES = [[1400, 900], [900, 900], [390, 844]] as const

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
  empty = await Server.start('', { BELLWETHER_COLLECTORS__HOST: 'false', BELLWETHER_SELF__SERIES: 'false' })
  await server.carbon(past().join('\n') + '\n')
  let round = 0
  sender = setInterval(() => void server.statsd(...site(round++)), 250)
  await pause(4000)
})
afterAll(async () => {
  clearInterval(sender)
  await browser?.close()
  await server?.stop()
  await empty?.stop()
})

const VIEWS = ['index', 'checkout', 'search', 'login']
const PROVIDERS = ['box', 'dropbox', 'gdrive', 's3']

function site(round: number): string[] {
  const timers = VIEWS.flatMap((view, i) => [40, 60, 75].map((base) => `view.${view}:${base + i * 30 + (round * 7 + i * 13) % 40}|ms`))
  const uploads = PROVIDERS.flatMap((provider, i) => [`uploads.${provider}.completed:${4 + ((round + i) % 3)}|c`, `uploads.${provider}.failed:${provider === 'gdrive' && round % 60 > 40 ? 6 : 0}|c`])
  return [[...timers].join('\n'), uploads.join('\n'), `queue.pending:${20 + (round % 17)}|g`, 'site.visitors:ana|s']
}

/** Ten minutes of history for the same names, with a gap and a bad quarter. */
function past(): string[] {
  const now = Math.floor(Date.now() / 1000)
  const lines: string[] = []
  for (let at = now - 600; at < now; at++) {
    if (at > now - 330 && at < now - 300) continue
    const wave = Math.sin(at / 50)
    VIEWS.forEach((view, i) => lines.push(`stats.timers.view.${view}.upper_90 ${(70 + i * 30 + 15 * wave + ((at * 7919) % 11)).toFixed(1)} ${at}`))
    PROVIDERS.forEach((provider, i) => lines.push(`stats.uploads.${provider}.failed ${provider === 'gdrive' && at % 300 > 220 ? 7 + ((at + i) % 4) : (at + i) % 40 === 0 ? 1 : 0} ${at}`))
  }
  return lines
}

describe.each(['dark', 'light'] as const)('%s', (colorScheme) => {
  test.each(Object.entries(PAGES))('%s', async (name, path) => {
    for (const [width, height] of SIZES) {
      const page = await open(browser, server.url(path), { colorScheme, viewport: { width, height } })
      await settled(page)
      await shot(page, `${name}-${width}-${colorScheme}`)
      expect(page.wrong).toEqual([])
      await page.context().close()
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
