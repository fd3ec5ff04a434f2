import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, next, open, settled, shot, sideways, wear } from '../support/browser.ts'
import { Hook } from '../support/hook.ts'
import { pause, Server, until } from '../support/server.ts'
import type { Rehearsal } from '../../src/api/oncall.ts'
import type { ReportAnswer } from '../../src/api/reports.ts'

/** Reports, and who would be woken, over a server that really watches: what the pages say is what it has written down. */
let browser: Browser
let server: Server
let hook: Hook

const CONFIG = (url: string) => `
[incidents]
group_window = "0s"
reopen_within = "0s"
[[channel]]
name = "chat"
type = "webhook"
url = "${url}"
[[contact]]
name = "ana"
channels = ["chat"]
[[contact]]
name = "ben"
channels = ["chat"]
[[schedule]]
name = "web"
time_zone = "UTC"
[[schedule.layer]]
name = "everybody"
people = ["ana"]
rotation = "weekly"
start = "2026-01-05"
handoff = "monday 09:00"
[[escalation_policy]]
name = "web"
[[escalation_policy.step]]
notify = ["schedule:web"]
wait = "5min"
[[escalation_policy.step]]
notify = ["ben"]
wait = "10min"
[[host]]
name = "web1"
[[check]]
name = "web1/queue"
host = "web1"
type = "passive"
max_check_attempts = 1
escalation_policy = "web"
[[check]]
name = "web1/flaps"
host = "web1"
type = "passive"
max_check_attempts = 1
[[service]]
name = "Shop"
availability = ["web1/queue"]
# The report counts every incident: one of this server itself, on a machine that is busy, would be one too many.
[self]
monitors = false
`
const LOOKS = [[1400, 'dark'], [390, 'light']] as const

beforeAll(async () => {
  browser = await launch()
  hook = await Hook.start()
  server = await Server.start(CONFIG(hook.url))
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
  await hook?.stop()
})

async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await fetch(server.url(path), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  expect(answer.ok, `${path}: ${answer.status}`).toBe(true)
  return (await answer.json().catch(() => null)) as T
}
const tell = (name: string, status: number) => post(`/api/v1/checks/${encodeURIComponent(name)}/result`, { status, output: `${name} says ${status}|mails=90;;95;0;100` })
type Listed = { incidents: { id: number; title: string; phase: string }[] }
const incident = (name: string, phase: string) => until(`${name} is ${phase}`, async () => (await server.json<Listed>('/api/v1/incidents?state=all')).incidents.find((one) => one.title.includes(name) && one.phase === phase)?.id ?? 0)

/** Dates that stand beside the strip, or half in it. */
const cut = (page: Page) => page.locator('.strip .tick').evaluateAll((ticks) => ticks.filter((tick) => {
  const [own, line] = [tick.getBoundingClientRect(), tick.parentElement!.getBoundingClientRect()]
  return own.left < line.left - 1 || own.right > line.right + 1
}).map((tick) => tick.textContent))

test('who would be woken is what the server would do; a link leads to the same; what is not there is said', async () => {
  const asked = (state: string) => server.json<Rehearsal>(`/api/v1/oncall/rehearsal?monitor=web1%2Fqueue${state ? `&state=${state}` : ''}`)
  const page = await open(browser, server.url('/oncall?z=utc'))
  await page.getByRole('heading', { level: 1, name: 'ana is on call for web' }).waitFor()
  const woken = page.getByRole('region', { name: 'Who would be woken?' })
  const said = async (state: string) => {
    const people = [...new Set((await asked(state)).moments.flatMap(({ calls }) => calls.map(({ contact }) => contact)))]
    return people.length ? `${people.join(', ')} would be called from` : 'Nobody would be called at'
  }
  await woken.getByLabel('What goes bad').fill('web1/queue')
  await woken.getByRole('button', { name: 'Show', exact: true }).click()
  expect(await said('')).toBe('ana, ben would be called from')
  await woken.getByText(await said('')).waitFor()
  await woken.getByText('By the policy web').waitFor()
  await woken.getByRole('listitem').filter({ hasText: 'at once' }).filter({ hasText: 'ana by chat' }).first().waitFor()
  await woken.getByRole('listitem').filter({ hasText: 'after 5 min' }).filter({ hasText: 'ben by chat' }).first().waitFor()
  for (const [width, colorScheme] of LOOKS) {
    await wear(page, width, colorScheme)
    await page.reload()
    await woken.getByText(await said('')).waitFor()
    await settled(page)
    await until('every date within the strip', async () => (await cut(page)).length === 0)
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `oncall-real-${width}-${colorScheme}`, true)
  }
  await woken.getByLabel('How bad').selectOption('warning')
  await woken.getByRole('button', { name: 'Show', exact: true }).click()
  await until('how bad in the URL', () => new URL(page.url()).searchParams.get('wokenBy') === 'warning')
  await woken.getByText(await said('warning')).waitFor()
  expect(page.wrong).toEqual([])
  await woken.getByLabel('What goes bad').fill('nothing of this name')
  await woken.getByRole('button', { name: 'Show', exact: true }).click()
  await woken.getByText('It could not be worked out').waitFor()
  await page.context().close()
})

test('the report says what was written down: who was paged, who had it, what is not counted, what is to be done', async () => {
  const page = await open(browser, server.url('/reports'))
  await page.getByText('There has not been an incident yet').waitFor()
  await tell('web1/queue', 2)
  const id = await incident('web1/queue', 'open')
  await hook.wait('the page to ana', (told) => told.event === 'problem' && told.incident === id)
  await post(`/api/v1/incidents/${id}/acknowledge`, { author: 'ana' })
  await tell('web1/flaps', 2)
  await incident('web1/flaps', 'open')
  await tell('web1/flaps', 0)
  await incident('web1/flaps', 'resolved')
  const { id: mortem } = await post<{ id: number }>('/api/v1/post-mortems', { incident: id })
  await post(`/api/v1/post-mortems/${mortem}/follow-ups`, { what: 'a longer queue', owner: 'ana', due: '2030-01-01' })
  // A slot of the number is whole once another one has begun.
  const report = (await until('the number near its limit', async () => {
    await tell('web1/queue', 2)
    await pause(700)
    const told = await server.json<ReportAnswer>('/api/v1/reports')
    return told.headroom.length > 0 && told.left_out.flapped > 0 ? told : null
  }))!
  expect([report.incidents, report.left_out]).toEqual([1, { flapped: 1, untold: 0, not_production: 0 }])
  for (const [width, colorScheme] of LOOKS) {
    await wear(page, width, colorScheme)
    await next(page, server.url('/reports'))
    await page.getByRole('heading', { level: 1, name: '1 incident in the last 30 days.' }).waitFor()
    await page.getByText('1 paged somebody, 0 ended by themselves, 1 is still open.').waitFor()
    await page.getByText('Not counted: 1 over within a minute').waitFor()
    const figure = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Until somebody has it (MTTA)' }) })
    await figure.getByText('median of 1').waitFor()
    const ana = report.people.find(({ name }) => name === 'ana')!
    const cells = page.getByRole('region', { name: 'People' }).getByRole('row').filter({ hasText: 'ana' }).getByRole('cell')
    expect((await cells.allInnerTexts()).slice(3).map((text) => Number(text.trim().split(/\s+/).at(-1)))).toEqual([ana.pages, ana.pages_per_week, ana.incidents, ana.acknowledged, ana.lost])
    expect([ana.pages >= 1, ana.acknowledged]).toEqual([true, 1])
    await page.getByRole('region', { name: 'Services' }).getByRole('link', { name: 'Shop' }).waitFor()
    expect(await page.getByRole('region', { name: 'What pages most' }).getByRole('link', { name: 'web1/queue' }).getAttribute('href')).toContain('/monitors/web1%2Fqueue')
    await page.getByRole('region', { name: 'Open follow-ups' }).getByText('a longer queue').waitFor()
    await page.getByRole('region', { name: 'Headroom' }).getByText('mails').first().waitFor()
    await settled(page)
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `reports-real-${width}-${colorScheme}`, true)
    expect(page.wrong).toEqual([])
  }
  const csv = await fetch(new URL((await page.getByRole('link', { name: 'People as CSV' }).getAttribute('href'))!, server.url()))
  expect(csv.headers.get('content-type')).toContain('text/csv')
  expect(await csv.text()).toMatch(/^ana,/m)
  // Before the last 30 days comes this month; of another there is another answer, and the way back.
  await page.getByRole('button', { name: 'Month, earlier' }).click()
  await page.getByRole('heading', { level: 1, name: /1 incident in (?!the last)/ }).waitFor()
  await page.getByRole('button', { name: 'Month, earlier' }).click()
  await page.getByRole('heading', { level: 1, name: /No incident counts in / }).waitFor()
  await page.goBack()
  await page.goBack()
  await page.getByRole('heading', { level: 1, name: '1 incident in the last 30 days.' }).waitFor()
  await page.context().close()
})
