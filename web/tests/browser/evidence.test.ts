import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, next, open, settled, shot, sideways, wear } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

/** What is behind an incident, and what is learnt from noise, over a server that really watches. */
let browser: Browser
let server: Server

const CHECKS = ['web1/disk', 'web1/mail']
const CONFIG = `[[contact]]\nname = "ana"\nchannels = ["log"]\n[incidents]\ncontacts = ["ana"]\ngroup_window = "0s"\nreopen_within = "0s"\n[[host]]\nname = "web1"\n${CHECKS.map((name) => `[[check]]\nname = "${name}"\nhost = "web1"\ntype = "passive"\nmax_check_attempts = 1\n`).join('')}`

beforeAll(async () => {
  browser = await launch()
  server = await Server.start(CONFIG)
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

const send = (method: string, path: string, body: unknown) => fetch(server.url(path), { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const report = (name: string, status: number) => send('POST', `/api/v1/checks/${encodeURIComponent(name)}/result`, { status, output: status ? `${name} is broken` : 'well' })
type Listed = { incidents: { id: number; title: string; phase: string }[] }
const incidentOf = (name: string, phase: string) => until(`${name} is ${phase}`, async () => (await server.json<Listed>('/api/v1/incidents?state=all')).incidents.find((one) => one.title.includes(name) && one.phase === phase)?.id ?? 0)

test('what else was bad on the same host stands beside an incident', async () => {
  expect((await report('web1/mail', 2)).status).toBe(200)
  await incidentOf('web1/mail', 'open')
  await report('web1/disk', 2)
  const id = await incidentOf('web1/disk', 'open')
  const page = await open(browser, 'about:blank')
  for (const [width, colorScheme] of [[1400, 'dark'], [900, 'light'], [390, 'light']] as const) {
    await wear(page, width, colorScheme)
    await next(page, server.url(`/incidents/${id}`))
    await settled(page)
    const beside = page.getByRole('region', { name: 'Also bad here' })
    await beside.getByRole('link', { name: 'web1/mail' }).waitFor()
    await beside.getByText('web1/mail is broken').waitFor()
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `incident-beside-${width}-${colorScheme}`, true)
    expect(page.wrong).toEqual([])
  }
  await page.context().close()
  for (const name of CHECKS) await report(name, 0)
})

test('errors that were new while it was bad stand beside it, and lead to their page', async () => {
  const made = (await (await send('POST', '/api/v1/errors/projects', { name: 'shop' })).json()) as { id: number; dsn: string }
  const key = new URL(made.dsn).username
  await report('web1/disk', 2)
  const id = await incidentOf('web1/disk', 'open')
  const event = { exception: { values: [{ type: 'DriveError', value: 'no space left' }] }, platform: 'python' }
  expect((await fetch(server.url(`/api/${made.id}/store/?sentry_version=7&sentry_key=${key}`), { method: 'POST', body: JSON.stringify(event) })).status).toBe(200)
  const page = await open(browser, 'about:blank')
  for (const [width, colorScheme] of [[1400, 'dark'], [390, 'light']] as const) {
    await wear(page, width, colorScheme)
    await next(page, server.url(`/incidents/${id}`))
    await settled(page)
    const then = page.getByRole('region', { name: 'Errors of this time' })
    expect(await then.getByRole('link', { name: 'DriveError: no space left' }).getAttribute('href')).toMatch(/^\/errors\/\d+/)
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `incident-errors-${width}-${colorScheme}`, true)
  }
  await page.context().close()
  await report('web1/disk', 0)
})

test('noise: one tap offers another threshold with its replay, and one takes it', async () => {
  const rule = { name: 'queue', target: 'queue.length', critical: '> 10' }
  expect((await send('PUT', '/api/v1/monitors/queue', { monitor: rule })).status).toBe(200)
  const feed = (value: number) => server.carbon(`queue.length ${value} ${Math.floor(Date.now() / 1000)}\n`)
  const until_ = async (value: number, phase: string) => {
    const beat = setInterval(() => void feed(value), 300)
    const id = await incidentOf('queue', phase).finally(() => clearInterval(beat))
    return id
  }
  const id = await until_(11, 'open')
  await until_(1, 'resolved')
  const page = await open(browser, server.url(`/incidents/${id}`))
  await settled(page)
  await page.getByRole('button', { name: 'It was noise' }).click()
  const learnt = page.getByRole('region', { name: 'So that it is not told again' })
  await learnt.getByText('Critical only at > 12.5').or(learnt.getByText('Critical only at > 11')).first().waitFor()
  await learnt.getByText('Nothing of this rule was judged useful yet').waitFor()
  await learnt.getByRole('img', { name: /^With the change: bad 0 times/ }).last().waitFor()
  await learnt.getByRole('img', { name: /^As it is: bad (once|[1-9])/ }).last().waitFor()
  expect(await axe(page)).toEqual([])
  await shot(page, 'incident-proposal-1400-dark', true)
  await learnt.getByRole('button', { name: 'Take it' }).last().click()
  await learnt.getByRole('button', { name: 'queue is changed' }).waitFor()
  type Detail = { definition: { monitor: { critical: string } } }
  expect((await server.json<Detail>('/api/v1/monitors/queue')).definition.monitor.critical).not.toBe('> 10')
  // The next time shows what this one looked like.
  const next = await until_(100, 'open')
  await page.goto(server.url(`/incidents/${next}`))
  await page.getByRole('region', { name: 'The last times' }).getByRole('link', { name: `What #${id} looked like` }).waitFor()
  expect(await axe(page)).toEqual([])
  await shot(page, 'incident-earlier-1400-dark', true)
  await until_(1, 'resolved')
  await page.goto(server.url(`/incidents/${id}`))
  // Seen again later it costs nothing until it is asked for.
  await page.setViewportSize({ width: 390, height: 844 })
  await learnt.getByRole('button', { name: 'What would have to change?' }).click()
  await learnt.getByText(/^As it is: told/).waitFor()
  expect(await sideways(page)).toBeLessThanOrEqual(0)
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a link to a graph of ours in a note or a post-mortem shows it as it was then; others stay links', async () => {
  await server.carbon(Array.from({ length: 60 }, (_, index) => `pasted.requests ${index} ${Math.floor(Date.now() / 1000) - 60 + index}\n`).join(''))
  await server.known('pasted.requests')
  await report('web1/mail', 2)
  const id = await incidentOf('web1/mail', 'open')
  expect((await send('POST', `/api/v1/incidents/${id}/note`, { text: 'theirs: http://other.example/explore?q=pasted.requests' })).status).toBe(200)
  const page = await open(browser, server.url(`/incidents/${id}`), { viewport: { width: 390, height: 844 }, colorScheme: 'light' })
  const timeline = page.getByRole('region', { name: 'What happened' })
  await page.getByRole('combobox', { name: 'Note' }).fill(`look: ${server.url('/explore?from=-5min&to=now&q=sumSeries(pasted.*)')}.`)
  await page.keyboard.press('Enter')
  const graph = timeline.getByRole('article')
  await graph.getByRole('heading', { name: 'sumSeries(pasted.*)' }).waitFor()
  await graph.locator('canvas').first().waitFor()
  expect(await graph.count(), 'that of another server is not asked for').toBe(1)
  expect(await timeline.getByRole('link', { name: 'http://other.example' }).getAttribute('href')).toBe('http://other.example/explore?q=pasted.requests')
  const address = new URL((await graph.getByRole('link', { name: 'sumSeries(pasted.*)' }).getAttribute('href'))!, server.url())
  expect(Number(address.searchParams.get('to')) - Number(address.searchParams.get('from')), 'the five minutes before the note').toBe(300)
  await settled(page)
  expect(await axe(page)).toEqual([])
  expect(await sideways(page)).toBeLessThanOrEqual(0)
  await shot(page, 'incident-pasted-390-light', true)
  await report('web1/mail', 0)
  await incidentOf('web1/mail', 'resolved')
  await send('POST', '/api/v1/post-mortems', { incident: id })
  await page.goto(server.url(`/incidents/${id}?tab=post-mortem`))
  await page.getByLabel(/^Reason/).fill('it rose: /render?target=pasted.requests&from=-10min')
  await page.getByRole('heading', { name: 'pasted.requests', exact: true }).waitFor()
  expect(await axe(page)).toEqual([])
  expect([page.wrong, page.foreign]).toEqual([[], []])
  await page.context().close()
})

test('of a check there is no threshold to try: it says what to do instead', async () => {
  await report('web1/disk', 2)
  await incidentOf('web1/disk', 'open')
  await report('web1/disk', 0)
  const id = await incidentOf('web1/disk', 'resolved')
  const page = await open(browser, server.url(`/incidents/${id}`))
  await page.getByRole('button', { name: 'It was noise' }).click()
  await page.getByText('is not a metric monitor that is defined now').waitFor()
  await page.getByText('max_check_attempts').waitFor()
  await page.context().close()
})

test('whoever sees something declares it from any page, by a key', async () => {
  const page = await open(browser, server.url('/'))
  await settled(page)
  for (const room of ['/', '/monitors', '/reports', '/incidents']) {
    await page.goto(server.url(room))
    await settled(page)
    await page.keyboard.press('!')
    await page.getByRole('textbox', { name: 'What is wrong, in a few words' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/incidents')
  }
  await page.getByRole('button', { name: 'Close', exact: true }).click()
  await page.getByRole('button', { name: 'Declare an incident' }).waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})
