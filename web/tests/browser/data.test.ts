import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, sideways } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

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

test('names beyond the limits are refused, and whose they are is said', async () => {
  const strict = await Server.start('[storage]\nmax_new_per_prefix_per_minute = 5\n')
  const lines = Array.from({ length: 40 }, (_, id) => `shop.sessions.id${id}.seen 1 ${Math.floor(Date.now() / 1000)}`)
  await strict.carbon(lines.join('\n') + '\n')
  const page = await open(browser, strict.url('/data'))
  await page.getByText(/new names were refused/).waitFor()
  await page.locator('td', { hasText: /^shop\.sessions$/ }).waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
  await strict.stop()
})

test('a changed retention says what stays as it was, and how to change it', async () => {
  const changing = await Server.start()
  await changing.carbon(`shop.orders 1 ${Math.floor(Date.now() / 1000)}\n`)
  await changing.known('shop.orders')
  changing.configure("[[storage.retention]]\nname = 'shop'\npattern = '^shop\\.'\narchives = ['1s:1h', '1m:1y']\n")
  changing.signal('SIGHUP')
  const page = await open(browser, changing.url('/data'))
  await until('the series kept under the older rule', async () => {
    await page.reload()
    await page.getByText('What a point passes').waitFor()
    return page.getByText(/1 series of “shop” are still kept as 1s:6h/).waitFor({ timeout: 3000 }).then(() => true, () => false)
  })
  await page.getByText('bellwether storage repolicy').waitFor()
  await page.context().close()
  await changing.stop()
})

test('what is said of a panel stands with it, and with no other', async () => {
  const page = await open(browser, server.url('/data'), { viewport: { width: 390, height: 844 } })
  const about = async (index: number) => {
    const panel = page.locator('article').nth(index)
    await panel.getByRole('button', { name: /^About / }).click()
    await panel.getByText('Comments', { exact: true }).click()
    return panel
  }
  const said = 'late points come from the office in Riga'
  const panel = await about(0)
  await panel.getByText('Nobody has said anything of it.').waitFor()
  await panel.getByRole('combobox', { name: 'Comment' }).fill(said)
  await panel.getByRole('button', { name: 'Say it' }).click()
  await panel.getByText(said).waitFor()
  expect(await axe(page)).toEqual([])
  expect(await sideways(page)).toBeLessThanOrEqual(0)
  // It is what the panel draws that it is kept with, so it is there for whoever comes next.
  await page.reload()
  await (await about(0)).getByText(said).waitFor()
  await page.keyboard.press('Escape')
  await panel.getByText(said).waitFor({ state: 'detached' })
  await (await about(1)).getByText('Nobody has said anything of it.').waitFor()
  await page.keyboard.press('Escape')
  await about(0)
  await panel.getByRole('button', { name: /^Take out what .* said/ }).click()
  await panel.getByText('Nobody has said anything of it.').waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})
