import { createServer, type Server as Site } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, boxOf, launch, open, shot, sideways } from '../support/browser.ts'
import { actingAs, answer } from '../support/mocked.ts'
import { Server, until } from '../support/server.ts'

/** Monitors that are written on the page, over a server that has stored points, asks what it is told to ask, and keeps what is kept. */
let browser: Browser
let server: Server
let site: Site

const HEALTH = { status: 'fail', checks: { database: { status: 'pass' }, search: { status: 'fail', output: 'index is old' } } }
/** What the site says of its parts under /parts; a test changes it. */
let parts: Record<string, { status: string; output?: string }> = {}
const CONFIG = `
[[monitor]]
name = "orders fail"
target = "shop.orders.*.failed"
critical = "> 500"
for = "0s"
contacts = ["ana"]
[[contact]]
name = "ana"
channels = ["log"]
[[monitor]]
name = "nightly backup"
kind = "heartbeat"
period = "1d"
[[check]]
name = "web1/http"
type = "passive"
max_check_attempts = 1
[[service]]
name = "Shop"
objective = "99 % over 1h"
availability = ["web1/http"]
`
const SECONDS = 1200
/** Every two minutes it is 20 for ten seconds, and once 60. */
const valueAt = (second: number) => (second % 120 < 10 ? (second >= 600 && second < 720 ? 60 : 20) : 2)

beforeAll(async () => {
  browser = await launch()
  server = await Server.start(CONFIG)
  site = createServer((request, response) => response.writeHead(request.url === '/health' ? 503 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(request.url === '/parts' ? { status: 'pass', checks: parts } : HEALTH)))
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done))
  const start = Math.floor(Date.now() / 1000) - SECONDS - 5
  await server.carbon(Array.from({ length: SECONDS }, (_, second) => `shop.queue ${valueAt(second)} ${start + second}\n`).join(''))
  await server.known('shop.queue')
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
  site?.close()
})

const here = () => `http://127.0.0.1:${(site.address() as AddressInfo).port}`

test('the line on the graph is dragged over stored points: the threshold moves, and what it would have done changes', async () => {
  const page = await open(browser, server.url('/monitors?new=1&from=-30min&to=now&q=shop.queue'))
  await page.getByLabel('Critical: when').selectOption('above')
  await page.getByLabel('Value').fill('40')
  await page.getByLabel('Value').blur()
  await page.getByLabel('It counts when it has been so for').fill('0s')
  await page.getByLabel('It counts when it has been so for').blur()
  await page.getByText('It would have fired 1 time').waitFor()
  await page.getByRole('button', { name: 'Hold for comparison' }).click()
  await page.getByText('1 with both, 0 only with this one, 0 only with the held one.').waitFor()
  const line = page.getByRole('slider', { name: 'Critical threshold' })
  await line.waitFor()
  expect(await line.getAttribute('aria-valuenow')).toBe('40')
  // From 40 to about 10: below the small peaks, above the rest.
  const graph = await boxOf(line)
  await page.mouse.move(graph.x + 200, graph.y + 12)
  await page.mouse.down()
  const value = () => page.getByLabel('Value').inputValue().then(Number)
  for (let down = 4; down < 400 && (await value()) > 12; down += 4) await page.mouse.move(graph.x + 200, graph.y + 12 + down)
  await page.mouse.up()
  const dragged = await value()
  expect(dragged).toBeGreaterThan(2)
  expect(dragged).toBeLessThanOrEqual(12)
  await page.getByText('It would have fired 10 times').waitFor()
  // The server says what both versions have in common.
  await page.getByText('1 with both, 9 only with this one, 0 only with the held one.').waitFor()
  await page.getByText('only with this version').first().waitFor()
  expect(await axe(page)).toEqual([])
  await shot(page, 'writing-compare')
  await page.getByRole('button', { name: 'Swap versions' }).click()
  await page.getByText('1 with both, 0 only with this one, 9 only with the held one.').waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a check is tried, shows what was read, is kept, and runs', async () => {
  const page = await open(browser, server.url('/monitors?new=1'))
  await page.getByLabel('What kind of thing').selectOption('http')
  await until('the kind in the URL', () => new URL(page.url()).searchParams.get('kind') === 'http')
  expect(await page.getByRole('button', { name: 'Try it' }).isDisabled()).toBe(true)
  await page.getByLabel('Address *').fill(`${here()}/health`)
  await page.getByRole('button', { name: 'Try it' }).click()
  await page.getByRole('heading', { name: 'Parts, each an instance' }).waitFor()
  await page.getByText('search fail: index is old').waitFor()
  await page.getByRole('cell', { name: 'time_first_byte' }).waitFor()
  expect(await axe(page)).toEqual([])
  await shot(page, 'writing-trial')
  await page.getByLabel('Critical', { exact: true }).fill('nonsense')
  await page.getByText('This was before your last change.').waitFor()
  await page.getByRole('button', { name: 'Try it' }).click()
  await page.getByText('It could not be tried').waitFor()
  await page.getByLabel('Critical', { exact: true }).fill('> 5 s')
  await page.getByLabel('Name', { exact: true }).fill('shop health')
  await page.getByLabel('Look every').fill('1s')
  await page.getByLabel('Times until it counts').fill('1')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: /shop health is CRITICAL/ }).waitFor()
  await page.getByText('made here, kept in the state database').waitFor()
  await page.getByRole('link', { name: 'Change', exact: true }).click()
  await page.getByRole('heading', { name: 'Change shop health' }).waitFor()
  expect(await page.getByLabel('Address *').inputValue()).toBe(`${here()}/health`)
  await page.getByLabel('Address *').fill(here())
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: /shop health is/ }).waitFor()
  const kept = await server.json<{ definition: unknown }>('/api/v1/monitors/shop%20health')
  expect(kept.definition).toEqual({ check: { name: 'shop health', type: 'http', url: here(), critical: '> 5 s', check_interval: '1s', max_check_attempts: 1 } })
  expect(page.wrong.filter((text) => !text.includes('400')), 'but for the mistake').toEqual([])
  await page.context().close()
})

test('a part that is gone for good is taken out, by whoever may, and a refusal is told', async () => {
  parts = { old: { status: 'fail', output: 'cannot be reached' }, new: { status: 'pass' } }
  const check = { name: 'pool', type: 'http', url: `${here()}/parts`, check_interval: '1s', max_check_attempts: 1 }
  const kept = await fetch(server.url('/api/v1/monitors/pool'), { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ check }) })
  expect(kept.ok, await kept.text()).toBe(true)
  const page = await open(browser, server.url('/monitors/pool'))
  const instances = page.getByRole('region', { name: /instances? / })
  await instances.getByRole('row', { name: /CRITICAL.*old/ }).waitFor()
  parts = { new: { status: 'pass' } }
  await instances.getByRole('row', { name: /UNKNOWN.*old.*no longer reported/ }).waitFor()
  const viewer = await browser.newPage()
  await answer(viewer, actingAs('responder'))
  await viewer.goto(server.url('/monitors/pool'))
  const off = viewer.getByRole('button', { name: 'Take out old' })
  await until('it is switched off, and says why', async () => (await off.isDisabled()) && ((await off.getAttribute('title')) ?? '').includes('takes an editor'))
  await viewer.getByText('which takes an editor').waitFor()
  await viewer.close()
  await page.getByRole('button', { name: 'Take out old' }).click()
  await page.getByText('old is watched no longer. Whoever was told').waitFor()
  expect(await axe(page)).toEqual([])
  await page.route('**/instances?*', (route) => route.fulfill({ status: 503, json: { error: 'the disk is full' } }), { times: 1 })
  await page.getByRole('button', { name: 'Watch it no longer' }).click()
  await page.getByText('the disk is full').waitFor()
  await page.getByRole('button', { name: 'Watch it no longer' }).click()
  await page.getByText('old was taken out').waitFor()
  await page.getByText('Its one instance is well').waitFor()
  expect(page.wrong.filter((text) => !text.includes('503')), 'but for the refusal').toEqual([])
  await page.context().close()
})

test('a check that is defined is tried on its kept results while it is changed, beside what was really told', async () => {
  const post = (path: string, method: string, body: unknown) => fetch(server.url(path), { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  expect((await post('/api/v1/monitors/orders%20feed', 'PUT', { check: { name: 'orders feed', type: 'passive', max_check_attempts: 1, contacts: ['ana'] } })).ok).toBe(true)
  for (const status of [0, 2, 0]) {
    expect((await post('/api/v1/checks/orders%20feed/result', 'POST', { status, output: 'said so' })).status).toBe(200)
    const second = Math.floor(Date.now() / 1000)
    await until('the next second', () => Date.now() / 1000 > second + 1)
  }
  const page = await open(browser, server.url('/monitors/orders%20feed?edit=1&from=-1h&to=now'))
  await page.getByRole('heading', { name: 'What it would have told' }).waitFor()
  await page.getByText('It would have fired 1 time and told somebody').waitFor()
  await page.getByText('Really sent in this time: 2 notices. As it is written here it would be the same.').waitFor()
  await page.getByLabel('Times until it counts').fill('3')
  await page.getByText('As it is written here 2 of them would be left out, and 0 would be added.').waitFor()
  await page.getByText('ended before it counted').waitFor()
  expect(await axe(page)).toEqual([])
  await page.getByLabel('Times until it counts').fill('often')
  await page.getByText('It could not be tried').waitFor()
  expect(page.wrong.filter((text) => !text.includes('400')), 'but for the mistake').toEqual([])
  await page.context().close()
})

test('every kind has its form, on a phone too', async () => {
  const page = await open(browser, server.url('/monitors?new=1'), { viewport: { width: 390, height: 844 } })
  const kinds = page.getByLabel('What kind of thing')
  await kinds.waitFor()
  const all = await kinds.locator('option').evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value))
  expect(all.length).toBeGreaterThan(15)
  for (const kind of all) {
    await kinds.selectOption(kind)
    await page.getByText('When is it bad?').waitFor()
    expect(await page.getByText('undefined').count(), kind).toBe(0)
    expect(await sideways(page), kind).toBeLessThanOrEqual(0)
  }
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a job that reports in: where, when, and what it said', async () => {
  const page = await open(browser, server.url('/monitors/nightly%20backup'))
  await page.getByText('It waits for its first ping').waitFor()
  const line = await page.getByLabel('The last line of the job').innerText()
  const address = /https?:\S+/.exec(line)![0]
  expect((await fetch(`${address}/3`, { method: 'POST', body: 'disk is full' })).status).toBe(200)
  await page.getByRole('heading', { name: /nightly backup is CRITICAL/ }).waitFor()
  await page.getByRole('cell', { name: 'failed 3' }).waitFor()
  await page.getByText('disk is full').first().waitFor()
  expect((await fetch(address)).status).toBe(200)
  await page.getByRole('heading', { name: /nightly backup is OK/ }).waitFor()
  await page.getByText('It has reported in').waitFor()
  // Once it is over people say whether it was worth it, and its record remembers.
  await page.goto(server.url('/incidents'))
  await page.getByRole('link', { name: 'nightly backup' }).first().click()
  await page.getByRole('button', { name: 'It was noise' }).click()
  await page.getByText('Noted for its record').waitFor()
  await page.getByText('`nightly backup` is not a metric monitor that is defined now').waitFor()
  await page.goto(server.url('/monitors/nightly%20backup'))
  await page.getByText('0× useful, 1× noise').waitFor()
  expect(await axe(page)).toEqual([])
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a rule on numbers: who has it, who was told, downtime for all of its instances, what it did in 30 days', async () => {
  const page = await open(browser, server.url('/monitors/orders%20fail'))
  await page.getByRole('heading', { name: /orders fail has not had a result yet/ }).waitFor()
  expect(await page.getByRole('button', { name: 'Plan downtime' }).isDisabled()).toBe(true)
  const feed = setInterval(() => void server.carbon(`shop.orders.a.failed 900 ${Math.floor(Date.now() / 1000)}\nshop.orders.b.failed 1 ${Math.floor(Date.now() / 1000)}\n`), 500)
  try {
    await page.getByRole('heading', { name: /orders fail is CRITICAL .*1 of 2 in trouble/ }).waitFor()
    await page.getByRole('row', { name: /problem.*ana by log/ }).first().waitFor()
    await page.getByRole('link', { name: /Incident #/ }).waitFor()
    await page.getByRole('button', { name: 'I have it' }).click()
    await page.getByRole('textbox', { name: 'Comment' }).fill('calling the bank')
    await page.locator('form').getByRole('button', { name: 'I have it' }).click()
    await page.getByText(/Incident #\d+, .* has it/).waitFor()
    await page.getByRole('button', { name: 'Plan downtime' }).click()
    await page.getByText('It is for all 2 of its instances.').waitFor()
    await page.getByRole('textbox', { name: 'Comment' }).fill('the bank is moving')
    await page.locator('form').getByRole('button', { name: 'Plan downtime' }).click()
    await page.getByText(/In downtime until/).nth(1).waitFor()
    await page.getByRole('button', { name: 'Cancel', exact: true }).first().click()
    await until('one downtime fewer', async () => (await page.getByText(/In downtime until/).count()) === 1)
    await page.getByRole('button', { name: 'Silence', exact: true }).click()
    await page.getByRole('textbox', { name: 'Reason' }).fill('known')
    await page.locator('form').getByRole('button', { name: 'Silence' }).click()
    await page.getByText(/Silenced until/).waitFor()
    await page.getByRole('button', { name: 'End it' }).click()
    await page.getByText('The silence was ended').waitFor()
    await page.getByRole('heading', { name: 'Its record of 30 days' }).waitFor()
    const incident = await page.getByRole('link', { name: /Incident #/ }).getAttribute('href')
    expect(await axe(page)).toEqual([])
    await shot(page, 'writing-metric', true)
    // Its incident draws the series that is bad, with its threshold, and tells what was deployed then.
    await fetch(server.url('/events/'), { method: 'POST', body: JSON.stringify({ what: 'shop@7 deployed', tags: 'deploy' }) })
    await page.goto(server.url(incident!))
    await page.getByRole('heading', { name: 'What it looks like' }).waitFor()
    await page.locator('article .u-wrap canvas').waitFor()
    const graph = page.locator('article')
    await graph.getByText('shop.orders').or(graph.getByText('a.failed')).first().waitFor()
    expect(await graph.getByText('b.failed').count(), 'what is well').toBe(0)
    await page.getByRole('listitem').filter({ hasText: 'shop@7 deployed' }).waitFor()
    await page.getByText('by log, listed here').or(page.getByText('by log, delivered')).first().waitFor()
    await page.getByRole('heading', { name: 'What else moved' }).waitFor()
    expect(page.wrong).toEqual([])
  } finally {
    clearInterval(feed)
  }
  await page.context().close()
})

test('what a service attained stands beside what was promised', async () => {
  const now = Math.floor(Date.now() / 1000)
  for (const [ago, status] of [[3000, 0], [1800, 2], [900, 0]]) {
    const body = JSON.stringify({ status, output: 'said so', at: now - ago })
    expect((await fetch(server.url('/api/v1/checks/web1%2Fhttp/result'), { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status).toBe(200)
  }
  const page = await open(browser, server.url('/services'))
  await page.getByRole('row', { name: /Shop.*99 % over 1h.*70.*missed/ }).waitFor()
  await page.getByText('Below their objective: Shop.').waitFor()
  await page.getByRole('link', { name: 'Shop', exact: true }).click()
  await page.getByRole('heading', { name: 'What was promised, and what was attained' }).waitFor()
  await page.getByText('15 min').first().waitFor()
  await page.getByText('nothing: 14 min too much').waitFor()
  expect(await axe(page)).toEqual([])
  expect(page.wrong).toEqual([])
  await page.context().close()
})
