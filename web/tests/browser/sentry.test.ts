import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, open, type Watched } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'
import { folder } from '../support/statics.ts'

/** Sentry's own client in a page of somebody else, built as they do, with maps that sentry-cli uploads. */
const MODULES = process.env.STATSD_MODULES ?? resolve(import.meta.dirname, '../../../scenarios/node_modules')
const SHOP = join(import.meta.dirname, '../support/shop')

type Frame = { function: string; filename: string; lineno: number; context_line?: string; in_app: boolean }
type Sent = { exception: { values: { stacktrace: { frames: Frame[] } }[] }; request: { url: string }; _feedback?: { name: string; comments: string } }

let browser: Browser
let server: Server
let shop: { url: string; close: () => void }
const dist = mkdtempSync(join(tmpdir(), 'bellwether-shop-'))

async function sentryCli(...words: string[]) {
  const env = { PATH: process.env.PATH ?? '', HOME: dist, SENTRY_URL: server.url(), SENTRY_AUTH_TOKEN: '5'.repeat(64), SENTRY_ORG: 'any', SENTRY_PROJECT: 'shop' }
  await promisify(execFile)(join(MODULES, '@sentry/cli-linux-x64/bin/sentry-cli'), words, { env, cwd: dist })
}

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
  await server.cli(['project', 'create', 'shop'])
  const alias = { '@sentry/browser': join(MODULES, '@sentry/browser') }
  await build({ configFile: false, root: SHOP, base: './', logLevel: 'warn', resolve: { alias }, build: { outDir: dist, emptyOutDir: true, sourcemap: true } })
  await sentryCli('sourcemaps', 'inject', '.')
  await sentryCli('sourcemaps', 'upload', '--release', 'shop@1.0.0', '.')
  shop = await folder(dist)
})
afterAll(async () => {
  shop?.close()
  await browser?.close()
  await server?.stop()
  rmSync(dist, { recursive: true, force: true })
})

async function onlyEvent(): Promise<Sent> {
  let groups: { id: number; title: string; unhandled: boolean }[] = []
  await until('the error of the page', async () => (groups = await server.json('/api/v1/errors/groups')).length > 0)
  expect(groups.map(({ title, unhandled }) => [title, unhandled])).toEqual([['RangeError: no card takes 42', true]])
  return (await server.json<Sent[]>(`/api/v1/errors/groups/${groups[0].id}/events`))[0]
}

/** What the page says of itself, without the error that it is there for. */
const wrong = (page: Watched) => page.wrong.filter((what) => !what.includes('no card takes 42'))

test('an error of a minified page names its source, and people say what they did', async () => {
  const [{ dsn }] = await server.json<{ dsn: string }[]>('/api/v1/errors/projects')
  const page = await open(browser, `${shop.url}/index.html#${encodeURIComponent(dsn)}`)
  await page.getByRole('button', { name: 'Pay' }).click()
  const event = await onlyEvent()
  expect(event.request.url).toContain(shop.url)
  const own = event.exception.values[0].stacktrace.frames.filter((frame) => frame.filename.endsWith('shop.ts'))
  const source = readFileSync(join(SHOP, 'shop.ts'), 'utf8').split('\n')
  const thrown = own.at(-1)
  expect(thrown).toMatchObject({ function: 'chargeCard', in_app: true, context_line: source.find((line) => line.includes('throw new RangeError')) })
  expect(source[thrown!.lineno - 1]).toBe(thrown!.context_line)
  expect(own.map((frame) => frame.function).slice(-2)).toEqual(['checkOut', 'chargeCard'])

  await page.getByRole('button', { name: 'Tell us' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Vera')
  await dialog.getByLabel('Email').fill('vera@example.com')
  await dialog.getByLabel('What happened?').fill('I only wanted tea.')
  await dialog.getByRole('button', { name: 'Submit' }).click()
  await dialog.getByText('Your feedback has been sent.').waitFor()
  const told = await until('the words of the user', async () => (await onlyEvent())._feedback)
  expect(told).toMatchObject({ name: 'Vera', comments: 'I only wanted tea.' })
  expect(wrong(page)).toEqual([])
  await page.context().close()
})
