import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, shot, sideways, wear } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

/** The pages for people who have no account: nobody needs a mouse, good eyes or a large screen for them. */
let browser: Browser
let server: Server

const KEY = 'c0ffee00c0ffee11c0ffee22c0ffee33'
const directory = mkdtempSync(join(tmpdir(), 'bellwether-outside-'))
const CONFIG = `
[http]
public_url = "https://bell.example"
[[contact]]
name = "ana"
channels = ["log"]
[incidents]
contacts = ["ana"]
[[emergency]]
name = "Big & Co"
key_file = "${directory}/key"
contacts = ["ana"]
[[channel]]
name = "news"
type = "email"
server = "127.0.0.1:9"
tls = "none"
from = "news@example.org"
[status_page]
enabled = true
title = "How the shop does"
components = ["Shop", "Search"]
mail = "news"
[[host]]
name = "web1"
[[check]]
name = "web1/uploads"
host = "web1"
type = "passive"
max_check_attempts = 1
`

beforeAll(async () => {
  writeFileSync(join(directory, 'key'), `${KEY}\n`)
  browser = await launch()
  server = await Server.start(CONFIG)
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
  rmSync(directory, { recursive: true, force: true })
})

const send = (method: string, path: string, body: unknown) => fetch(server.url(path), { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** In both themes, on a screen and a phone. */
async function seen(path: string, says: string | RegExp, name: string) {
  const page = await open(browser, server.url(path))
  for (const [width, colorScheme] of [[1400, 'dark'], [390, 'light']] as const) {
    await wear(page, width, colorScheme)
    await page.getByText(says).first().waitFor()
    expect(await axe(page), path).toEqual([])
    expect(await sideways(page), path).toBeLessThanOrEqual(0)
    await shot(page, `${name}-${width}-${colorScheme}`, true)
  }
  expect(page.wrong, path).toEqual([])
  await page.context().close()
}

test('a call for help: the form, what is missing, and its answer', async () => {
  await seen(`/911/${KEY}`, 'Big & Co', 'emergency')
  const page = await open(browser, server.url(`/911/${KEY}`), { colorScheme: 'light', viewport: { width: 390, height: 844 } })
  await page.locator('[name=what]').fill(' ')
  await page.locator('form button').first().click()
  await page.getByText(/say what does not work/i).first().waitFor()
  expect(await axe(page)).toEqual([])
  await page.locator('[name=what]').fill('No orders since nine')
  await page.locator('form button').first().click()
  await page.getByRole('heading', { level: 1, name: /number/ }).waitFor()
  expect(await axe(page)).toEqual([])
  await shot(page, 'emergency-taken-390-light', true)
  await page.context().close()
})

test('the status page, and its letters', async () => {
  await seen('/status', 'How the shop does', 'status')
  expect((await send('POST', '/api/v1/status-posts', { title: 'Orders fail', phase: 'notice', text: 'We look into it.', components: { Shop: 'outage' } })).status).toBe(201)
  await seen('/status', 'We look into it.', 'status-post')
  await seen('/status/mail', /mail/i, 'status-mail')
})

test('a published post-mortem', async () => {
  expect((await send('POST', '/api/v1/checks/web1%2Fuploads/result', { status: 2, output: 'uploads fail' })).status).toBe(200)
  type Listed = { incidents: { id: number; title: string }[] }
  const id = await until('the incident', async () => (await server.json<Listed>('/api/v1/incidents')).incidents.find(({ title }) => title.includes('uploads'))?.id ?? 0)
  const begun = (await (await send('POST', '/api/v1/post-mortems', { incident: id })).json()) as { id: number; version: number; text: Record<string, unknown> }
  const text = { ...begun.text, title: 'Uploads failed for an hour', regret: 'Uploads failed, and we are sorry.', reason: 'A disk was full.', remedy: 'There are two now.' }
  expect((await send('PUT', `/api/v1/post-mortems/${begun.id}`, { version: begun.version, text })).status).toBe(200)
  type Preview = { seen: string }
  const preview = await server.json<Preview>(`/api/v1/post-mortems/${begun.id}/preview`)
  const published = await send('POST', `/api/v1/post-mortems/${begun.id}/publish`, { seen: preview.seen })
  expect(published.status).toBe(200)
  const { published: at } = (await published.json()) as { published: { path: string } }
  await seen(at.path, 'Uploads failed, and we are sorry.', 'published')
})
