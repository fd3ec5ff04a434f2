import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, open } from '../support/browser.ts'
import { pause, Server, until } from '../support/server.ts'

let browser: Browser
let server: Server

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

const last = '[role=row] .strong'

test('sent to seen: p95 within 1.5 s', async () => {
  await server.statsd('latency.probe:1|g')
  await server.known('stats.gauges.latency.probe')
  const page = await open(browser, server.url('/explore?from=-5min&to=now&q=stats.gauges.latency.probe'))
  await page.locator(last).first().waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  const took: number[] = []
  for (let round = 0; round < 20; round++) {
    const value = 1001 + round
    // Each time at another place within the second.
    await pause(137 + ((round * 271) % 900))
    const seen = page.waitForFunction(([selector, wanted]) => document.querySelector(selector)?.textContent?.includes(wanted), [last, String(value)] as const, { polling: 'raf' })
    const sent = Date.now()
    await server.statsd(`latency.probe:${value}|g`)
    await seen
    took.push(Date.now() - sent)
  }
  took.sort((a, b) => a - b)
  console.log(`sent to seen: median ${took[10]} ms, p95 ${took[18]} ms, worst ${took[19]} ms`)
  expect(took[18]).toBeLessThanOrEqual(1500)
  await page.context().close()
})

test('a page opens no stream of its own: one worker has one for all', async () => {
  const page = await open(browser, server.url())
  const streams: string[] = []
  page.on('request', (request) => request.url().includes('/api/v1/stream') && streams.push(request.url()))
  await page.reload()
  await page.locator('.dot.live').waitFor()
  expect(streams).toEqual([])
  await page.context().close()
})

test('without SharedWorker the page does the same by itself', async () => {
  const context = await browser.newContext()
  await context.addInitScript(() => delete (window as { SharedWorker?: unknown }).SharedWorker)
  const page = await context.newPage()
  await page.goto(server.url())
  await page.locator('.dot.live').waitFor()
  await page.waitForSelector('article .u-wrap canvas')
  await context.close()
})

test('a frozen server is noticed within 3 s, graphs hatch from then, and what was missed is filled in', async () => {
  const page = await open(browser, server.url('/explore?from=-1min&to=now&q=host.*.load.*'))
  await page.locator('.u-wrap canvas').waitFor()
  await page.locator('.dot.live').waitFor()
  await pause(1500)
  server.signal('SIGSTOP')
  const frozen = Date.now()
  await page.getByText(/The live stream stopped at/).waitFor({ timeout: 10_000 })
  const noticed = Date.now() - frozen
  console.log(`frozen to banner: ${noticed} ms`)
  // The last message came up to a second before the freeze; three seconds from then on.
  expect(noticed).toBeLessThanOrEqual(4000)
  server.signal('SIGCONT')
  await page.getByText(/The live stream stopped at/).waitFor({ state: 'detached', timeout: 15_000 })
  await page.locator('.dot.live').waitFor()
  await page.context().close()
})

test('a server that was killed and comes back is followed again', async () => {
  const page = await open(browser, server.url())
  await page.locator('.dot.live').waitFor()
  server.signal('SIGKILL')
  await server.ended()
  await page.getByText(/The live stream stopped at/).waitFor({ timeout: 4000 })
  await server.run()
  await page.locator('.dot.live').waitFor({ timeout: 15_000 })
  await page.context().close()
})

test('pause holds the moment, and back to live goes on', async () => {
  const page = await open(browser, server.url('/?from=-5min&to=now'))
  await page.keyboard.press('l')
  await until('an absolute window', () => /from=\d+&to=\d+/.test(page.url()))
  await page.getByRole('button', { name: 'Back to live' }).click()
  await until('a live window', () => page.url().includes('from=-') && page.url().includes('to=now'))
  await page.context().close()
})
