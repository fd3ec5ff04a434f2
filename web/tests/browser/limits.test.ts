import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, open } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

let browser: Browser
let server: Server

/** A check that knows its maximum, and whose number is kept as a series. */
beforeAll(async () => {
  browser = await launch()
  server = await Server.start('[[host]]\nname = "db"\n[[check]]\nname = "connections"\nhost = "db"\ntype = "passive"\nmax_check_attempts = 1\n')
  const taken = await fetch(server.url('/api/v1/checks/connections/result'), {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ status: 0, output: 'fine | connections=60;;;0;100' }),
  })
  expect(taken.ok).toBe(true)
  await server.known('checks.db.connections.connections')
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

test('c126 limits are lines on the graph where they are wanted', async () => {
  const page = await open(browser, server.url('/explore?from=-5min&to=now&q=checks.db.connections.connections'))
  await page.locator('.u-wrap canvas').waitFor()
  const limits = page.getByRole('list', { name: 'Limits' })
  expect(await limits.count()).toBe(0)
  await page.getByRole('button', { name: 'Limits', exact: true }).click()
  await limits.getByText('at most 100').waitFor()
  await until('the limits in the URL', () => new URL(page.url()).searchParams.get('limits') === '1')
  await page.getByRole('button', { name: 'Limits', exact: true }).click()
  await until('no limits', async () => (await limits.count()) === 0)
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('each panel has a switch of its own, and asks only then', async () => {
  const page = await open(browser, server.url('/monitors/connections'))
  let asked = 0
  page.on('request', (request) => void (request.url().includes('/api/v1/closest') && asked++))
  const about = page.getByRole('button', { name: /^About connections/ }).first()
  await about.waitFor()
  await page.locator('article .u-wrap canvas').first().waitFor()
  expect(asked).toBe(0)
  await about.click()
  const answer = page.waitForResponse((response) => response.url().includes('/api/v1/closest'))
  await page.getByLabel('Draw limits').check()
  const told = (await (await answer).json()) as { closest: { level: number; of: string }[] }
  expect(told.closest.map(({ level, of }) => [level, of])).toEqual([[100, 'max']])
  await page.getByLabel('Draw limits').uncheck()
  expect(page.wrong).toEqual([])
  await page.context().close()
})
