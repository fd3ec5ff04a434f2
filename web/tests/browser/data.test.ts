import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, open } from '../support/browser.ts'
import { Server } from '../support/server.ts'

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

test('every part has its state, and a line that cannot be read is shown with its reason', async () => {
  await server.statsd('this is not statsd')
  await server.carbon('half a line\n')
  const page = await open(browser, server.url('/data'))
  await page.getByText('What a point passes').waitFor()
  expect(await page.locator('tr', { hasText: 'StatsD' }).count()).toBeGreaterThan(0)
  await page.getByText('this is not statsd').first().waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('another retention can be tried without changing anything', async () => {
  const page = await open(browser, server.url('/data'))
  await page.getByRole('button', { name: 'Try another' }).first().click()
  await page.getByLabel(/^Archives of/).fill('1s:24h,10s:7d')
  await page.getByText(/It would take/).waitFor()
  await page.getByText(/Nothing has been changed/).waitFor()
  await page.getByLabel(/^Archives of/).fill('nonsense')
  await page.locator('.try .wrong').waitFor()
  await page.context().close()
})

test('when health cannot be asked the last answer stays, marked', async () => {
  const page = await open(browser, server.url('/data'))
  await page.getByText('What a point passes').waitFor()
  await page.route('**/api/v1/health', (route) => route.abort())
  await page.getByText('Data health cannot be asked at the moment').waitFor()
  expect(await page.getByText('What a point passes').count()).toBe(1)
  await page.context().close()
})
