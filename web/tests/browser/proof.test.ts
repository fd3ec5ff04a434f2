import { readFile } from 'node:fs/promises'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, next, open, settled, shot, sideways, wear } from '../support/browser.ts'
import { actingAs, answer, type Answers } from '../support/mocked.ts'
import { proofAnswer, proofItem, proofRunning, youngProof } from '../support/proof.ts'
import { Server } from '../support/server.ts'

/** The page on which the pager is proved on its own past. */
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

const TOLD: Answers = { '/api/v1/proof': () => ({ proofs: [proofItem(), proofItem({ id: 2, state: 'failed' })] }), '/api/v1/proof/3': proofAnswer }

test.each([['proof', 'Would these rules have paged better?'], ['proof/3', '412 pages sent']])('%s: in both themes, on a screen and a phone', async (path, says) => {
  const page = await open(browser, 'about:blank')
  await answer(page, TOLD)
  for (const [width, colorScheme] of [[1400, 'dark'], [900, 'light'], [390, 'light']] as const) {
    await wear(page, width, colorScheme)
    await next(page, server.url(`/${path}`))
    await page.getByRole('heading', { level: 1, name: says }).waitFor()
    await settled(page)
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `${path.replace('/', '-')}-${width}-${colorScheme}`, true)
    expect(page.wrong).toEqual([])
  }
  await page.context().close()
})

test('it is asked for with outages, tells how far it is, and its changes are files', async () => {
  const page = await open(browser, 'about:blank', { colorScheme: 'light' })
  let share = 0.2
  await answer(page, { ...TOLD, '/api/v1/proof/3': () => (share < 1 ? proofRunning(share) : proofAnswer()) })
  let asked: { from?: string; outages?: string } = {}
  await page.route('**/api/v1/proof', (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    asked = route.request().postDataJSON() as typeof asked
    return route.fulfill({ status: 202, json: proofItem({ state: 'running', share: 0 }) })
  })
  await page.goto(server.url('/proof'))
  await page.getByRole('button', { name: '30 days', exact: true }).click()
  await page.getByLabel('Outages that you know of').fill('start,end,title\n1,2,down')
  await page.getByRole('button', { name: 'Prove it' }).click()
  await page.getByRole('heading', { name: 'The past is replayed: 20 %' }).waitFor()
  expect(new URL(page.url()).pathname).toBe('/proof/3')
  expect(asked).toMatchObject({ from: '-30d', outages: 'start,end,title\n1,2,down' })
  share = 1
  await page.getByRole('heading', { level: 1, name: '412 pages sent' }).waitFor()
  await page.getByText('in the place of conf.d/web.toml:3').click()
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download', exact: true }).first().click()])
  expect(file.suggestedFilename()).toBe('bellwether-monitor-spikes.toml')
  expect(await readFile(await file.path(), 'utf8')).toContain('for = "5min"\n')
  // On paper there is the proof, and nothing to press.
  await page.emulateMedia({ media: 'print' })
  expect(await page.getByRole('button', { name: 'Print' }).isVisible()).toBe(false)
  expect(await page.locator('.frame > nav').isVisible()).toBe(false)
  await page.context().close()
})

test('too little, too long ago, and not allowed are said', async () => {
  const page = await open(browser, 'about:blank', { colorScheme: 'light' })
  await answer(page, { ...TOLD, '/api/v1/proof': () => ({ proofs: [] }), '/api/v1/proof/3': youngProof, ...actingAs('viewer') })
  await page.goto(server.url('/proof'))
  await page.getByText('None has been made yet.').waitFor()
  expect(await page.getByRole('button', { name: 'Prove it' }).isDisabled()).toBe(true)
  await page.goto(server.url('/proof/3'))
  await page.getByText('Proposals come when seven days are known').waitFor()
  expect(await axe(page)).toEqual([])
  await page.unrouteAll()
  await page.goto(server.url('/proof/99'))
  await page.getByRole('heading', { level: 1, name: 'There is no such proof' }).waitFor()
  await page.context().close()
})
