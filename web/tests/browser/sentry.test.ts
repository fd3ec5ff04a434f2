import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
/** Debian's `node-raven-js`. */
const RAVEN = '/usr/share/nodejs/raven-js'

type Group = { id: number; title: string; unhandled: boolean; kind: string; release_first: string }
type Frame = { function: string; filename: string; lineno: number; context_line?: string; in_app: boolean }
type Sent = { exception: { values: { stacktrace: { frames: Frame[] } }[] }; request: { url: string }; tags: Record<string, string>; _feedback?: { name: string; comments: string } }

let browser: Browser
let server: Server
let shop: { url: string; close: () => void }
const dist = mkdtempSync(join(tmpdir(), 'bellwether-shop-'))

async function sentryCli(...words: string[]) {
  const env = { PATH: process.env.PATH ?? '', HOME: dist, SENTRY_URL: server.url(), SENTRY_AUTH_TOKEN: '5'.repeat(64), SENTRY_ORG: 'any', SENTRY_PROJECT: 'shop' }
  await promisify(execFile)(join(MODULES, '@sentry/cli-linux-x64/bin/sentry-cli'), words, { env, cwd: dist })
}

const common = { configFile: false, root: SHOP, logLevel: 'warn', resolve: { alias: { '@sentry/browser': join(MODULES, '@sentry/browser'), 'raven-js': RAVEN } } } as const

/** As one script for pages that have no build. */
async function script(name: string) {
  const lib = { entry: join(SHOP, `${name}.ts`), name: 'shop', formats: ['iife' as const], fileName: () => `${name}.js` }
  await build({ ...common, build: { outDir: dist, emptyOutDir: false, lib } })
}

/** A page of those, in plain HTML. */
function plainPage(name: string, head: string, script: string) {
  writeFileSync(join(dist, name), `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">${head}</head><body><button id="pay">Pay</button><script>${script}</script></body></html>`)
}

beforeAll(async () => {
  browser = await launch()
  shop = await folder(dist)
  server = await Server.start(`[errors]\nbrowser_client = "${shop.url}/client.js"\n`)
  await build({ ...common, base: './', build: { outDir: dist, emptyOutDir: true, sourcemap: true } })
  await project('shop')
  await sentryCli('sourcemaps', 'inject', '.')
  await sentryCli('sourcemaps', 'upload', '--release', 'shop@1.0.0', '.')
})
afterAll(async () => {
  shop?.close()
  await browser?.close()
  await server?.stop()
  rmSync(dist, { recursive: true, force: true })
})

type Project = { id: number; dsn: string; keys: { key: string }[] }

async function project(name: string): Promise<Project> {
  await server.cli(['project', 'create', name])
  return server.json(`/api/v1/errors/projects/${name}`)
}

const groups = (project: string) => server.json<Group[]>(`/api/v1/errors/groups?project=${project}`)

/** The first one of the project whose title begins so. */
async function grouped(project: string, title: string): Promise<Group> {
  const named = async () => (await groups(project)).find((group) => group.title.startsWith(title))
  return (await until(`${title} of ${project}`, named))!
}

async function newest(group: Group): Promise<Sent> {
  return (await server.json<Sent[]>(`/api/v1/errors/groups/${group.id}/events`))[0]
}

async function onlyEvent(): Promise<Sent> {
  const group = await grouped('shop', 'RangeError: no card takes 42')
  expect(group.unhandled).toBe(true)
  return newest(group)
}

/** What the page says of itself, without the error that it is there for. */
const wrong = (page: Watched) => page.wrong.filter((what) => !what.includes('no card takes 42'))

test('an error of a minified page names its source, and people say what they did', async () => {
  const { dsn } = await server.json<Project>('/api/v1/errors/projects/shop')
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
  await dialog.getByRole('button', { name: 'Close' }).click()

  await page.getByRole('button', { name: 'Say something' }).click()
  const free = async () => (await groups('shop')).find((group) => group.kind === 'feedback')
  const said = await until('the words about no error', async () => {
    const group = await free()
    return group && (await newest(group))._feedback
  })
  expect(said).toMatchObject({ name: 'Ben', comments: 'Where is the tea?' })
  expect(wrong(page)).toEqual([])
  await page.context().close()
})

test('the loader script brings the client when something breaks', async () => {
  await script('client')
  const { keys } = await project('loaded')
  const loader = server.url(`/js-sdk-loader/${keys[0].key}.min.js`)
  plainPage('loaded.html', `<script src="${loader}" crossorigin="anonymous"></script>`, `
    Sentry.onLoad(() => Sentry.init({ release: 'shop@2.0.0' }))
    Sentry.setTag('tenant', 'acme')
    document.querySelector('#pay').onclick = () => { throw new RangeError('no card takes 42') }`)
  const loaded = await open(browser, `${shop.url}/loaded.html`)
  expect(loaded.foreign).toEqual([loader])
  const client = loaded.locator('script[src$="/client.js"]')
  expect(await client.count()).toBe(0)
  await loaded.getByRole('button', { name: 'Pay' }).click()
  const group = await grouped('loaded', 'RangeError: no card takes 42')
  expect(group).toMatchObject({ unhandled: true, release_first: 'shop@2.0.0' })
  expect((await newest(group)).tags).toMatchObject({ tenant: 'acme' })
  expect(await client.count()).toBe(1)
  expect(wrong(loaded)).toEqual([])
  await loaded.context().close()
})

test('raven-js sends from a page of another site', async () => {
  await script('raven')
  const { dsn } = await project('old')
  plainPage('raven.html', '<script src="raven.js"></script>', `
    Raven.config(${JSON.stringify(dsn)}, { release: 'shop@0.9' }).install()
    document.querySelector('#pay').onclick = () => { throw new RangeError('no card takes 42') }
    Raven.captureMessage('raven speaks')`)
  const old = await open(browser, `${shop.url}/raven.html`)
  await old.getByRole('button', { name: 'Pay' }).click()
  expect(await grouped('old', 'RangeError: no card takes 42')).toMatchObject({ release_first: 'shop@0.9' })
  expect((await grouped('old', 'raven speaks')).kind).toBe('message')
  expect(wrong(old)).toEqual([])
  await old.context().close()
})

test('the widget of the client brings what people say, with who they are and where they were', async () => {
  await script('client')
  const { id, dsn } = await project('widget')
  plainPage('widget.html', '<script src="client.js"></script>', `
    Sentry.init({ dsn: ${JSON.stringify(dsn)}, release: 'shop@3.0.0', integrations: [Sentry.feedbackIntegration({ colorScheme: 'light' })] })`)
  const page = await open(browser, `${shop.url}/widget.html`)
  await page.getByRole('button', { name: 'Report a Bug' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Vera')
  await dialog.getByLabel('Email').fill('vera@example.com')
  await dialog.getByLabel('Description').fill('The tea is cold.')
  await dialog.getByRole('button', { name: 'Send Bug Report' }).click()
  await page.getByText('Thank you for your report!').waitFor()
  type Words = { name: string; email: string; comments: string; url: string | null; group: { kind: string } | null }
  const [words] = await until('the words of the widget', async () => {
    const all = await server.json<Words[]>(`/api/v1/errors/feedback?project=${id}`)
    return all.length ? all : undefined
  })
  expect(words).toMatchObject({ name: 'Vera', email: 'vera@example.com', comments: 'The tea is cold.', url: `${shop.url}/widget.html`, group: { kind: 'feedback' } })
  expect(wrong(page)).toEqual([])
  await page.context().close()
})
