import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, next, open, settled, shot, sideways, wear } from '../support/browser.ts'
import { actingAs, answer, type Answers } from '../support/mocked.ts'
import { aMonth, aRehearsal, aReport, someAudit, someChannels, someCovers, someFollowUps, someOverrides, somePeople, somePolicies, someRules, someTeams, someTests, someTokens, someWays, whoIsOnCall } from '../support/people.ts'
import { Server, until } from '../support/server.ts'

/** The pages about people: on call, reports, changes, settings. */
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

const TOLD: Answers = {
  '/api/v1/oncall': whoIsOnCall, '/api/v1/schedules/*': aMonth, '/api/v1/overrides': () => ({ now: 0, overrides: someOverrides() }), '/api/v1/reports': aReport, '/api/v1/follow-ups': someFollowUps,
  '/api/v1/cover': () => ({ now: 0, covers: someCovers() }), '/api/v1/escalation-policies': () => ({ now: 0, policies: somePolicies() }), '/api/v1/oncall/calendars': () => ({ calendars: [] }), '/api/v1/oncall/rehearsal': aRehearsal, '/api/v1/contacts/*': someTests,
  '/api/v1/people': () => ({ people: somePeople() }), '/api/v1/teams': () => ({ teams: someTeams() }), '/api/v1/tokens': () => ({ tokens: someTokens() }), '/api/v1/channels': () => ({ channels: someChannels() }), '/api/v1/audit': someAudit, '/api/v1/invitations': () => ({ invitations: [] }), '/api/v1/me/ways': someWays, '/api/v1/me/rules': someRules,
}
const EMPTY: Answers = {
  '/api/v1/me/ways': () => ({ ...someWays(), ways: [] }),
  '/api/v1/oncall': () => ({ now: 0, schedules: [] }), '/api/v1/overrides': () => ({ now: 0, overrides: [] }), '/api/v1/people': () => ({ people: [] }), '/api/v1/teams': () => ({ teams: [] }), '/api/v1/tokens': () => ({ tokens: [] }), '/api/v1/invitations': () => ({ invitations: [] }),
  '/api/v1/reports': () => ({ ...aReport(), incidents: 0, record_begins: null, to_acknowledge: null, to_recover: null, between_failures: null, services: [], people: [], noisiest: [], headroom: [] }),
}
const SAYS = { oncall: 'ana is on call for web', reports: '14 incidents in the last 30 days', changes: /Nothing was changed|change/, settings: 'Settings' }

test.each(Object.entries(SAYS))('%s: in both themes, on a screen and a phone', async (room, says) => {
  const page = await open(browser, 'about:blank')
  await answer(page, TOLD)
  for (const [width, colorScheme] of [[1400, 'dark'], [390, 'light']] as const) {
    await wear(page, width, colorScheme)
    await next(page, server.url(`/${room}`))
    await page.getByRole('heading', { level: 1, name: says }).waitFor()
    await settled(page)
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `${room}-${width}-${colorScheme}`, true)
    expect(page.wrong).toEqual([])
  }
  await page.context().close()
})

test('empty says what to do next; what may not be done says why', async () => {
  const page = await open(browser, 'about:blank', { colorScheme: 'light' })
  await answer(page, { ...EMPTY, ...actingAs('viewer') })
  const said = { oncall: 'there is no schedule yet', reports: 'There has not been an incident yet', changes: 'A deploy posts one', settings: 'Only an administrator' }
  for (const [room, says] of Object.entries(said)) {
    await page.goto(server.url(`/${room}`))
    await page.getByText(says).first().waitFor()
    expect(await axe(page), room).toEqual([])
    await shot(page, `empty-${room}`)
  }
  await answer(page, { ...TOLD, ...actingAs('viewer') })
  await page.goto(server.url('/oncall'))
  await page.getByRole('button', { name: 'Take over' }).first().waitFor()
  expect(await page.getByRole('button', { name: 'Take over' }).first().isDisabled()).toBe(true)
  await page.context().close()
})

test('what cannot be loaded says what failed, and is asked for again', async () => {
  const page = await open(browser, 'about:blank')
  await answer(page, { '/api/v1/oncall': () => null, '/api/v1/reports': () => null, '/api/v1/people': () => null })
  for (const [room, says] of Object.entries({ oncall: 'Who is on call could not be loaded', reports: 'The report could not be made', settings: 'The people could not be loaded' })) {
    await page.goto(server.url(`/${room}`))
    await page.getByRole('alert').getByText(says).first().waitFor()
  }
  await page.context().close()
})

test('taking over says so to the server, for as long as was asked', async () => {
  const page = await open(browser, 'about:blank')
  const sent: { schedule: string; until: number }[] = []
  await answer(page, TOLD)
  await page.route('**/api/v1/overrides', async (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    sent.push(route.request().postDataJSON() as { schedule: string; until: number })
    await route.fulfill({ json: someOverrides()[0] })
  })
  await page.goto(server.url('/oncall'))
  const web = page.getByRole('region', { name: /^web/ })
  await web.getByRole('button', { name: 'Take over' }).click()
  await web.getByLabel('For', { exact: true }).fill('soon')
  await page.getByText('Write a length such as').waitFor()
  await web.getByLabel('For', { exact: true }).fill('2h')
  await web.getByRole('button', { name: 'Take over now' }).click()
  await until('what was sent', () => sent.length === 1)
  expect(sent[0].schedule).toBe('web')
  // The clock of the page is the server's; minutes are enough to tell two hours from another length.
  expect(Math.abs(sent[0].until - Date.now() / 1000 - 7200)).toBeLessThan(600)
  await page.context().close()
})

test('a day is taken from the calendar, cover is asked for and accepted, and one sees who would be woken', async () => {
  const page = await open(browser, 'about:blank', { colorScheme: 'light' })
  const sent: { path: string; body: Record<string, unknown> }[] = []
  await answer(page, TOLD)
  await page.route(/api\/v1\/(overrides|cover)/, async (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    sent.push({ path: new URL(route.request().url()).pathname, body: (route.request().postDataJSON() ?? {}) as Record<string, unknown> })
    await route.fulfill({ json: someCovers()[0] })
  })
  await page.goto(server.url('/oncall?z=utc'))
  const web = page.getByRole('region', { name: /^web/ })
  await web.getByText('push reached').waitFor()
  await web.getByText('sms not reached').waitFor()
  // By keys, as by the pointer: the day's own button.
  await web.getByRole('button', { name: 'The month after' }).click()
  await until('the month in the URL', () => new URL(page.url()).searchParams.has('month'))
  const days = web.getByRole('button', { name: /^Change 1[0-9] / })
  await days.first().focus()
  await page.keyboard.press('Enter')
  await web.getByRole('combobox', { name: 'Who', exact: true }).fill('ben')
  await web.getByRole('button', { name: 'Make it so' }).click()
  await until('the override', () => sent.length === 1)
  expect(Number(sent[0].body.until) - Number(sent[0].body.start)).toBe(86_400)
  await web.getByRole('button', { name: 'Ask for cover' }).click()
  await web.getByRole('button', { name: 'Ask', exact: true }).click()
  await until('the question', () => sent.length === 2)
  expect(sent[1].path).toBe('/api/v1/cover')
  await web.getByText('ben asks for cover').waitFor()
  await web.getByText('ana stands in').waitFor()
  await web.getByRole('button', { name: 'I stand in' }).click()
  await until('the acceptance', () => sent.length === 3)
  expect(sent[2].path).toBe('/api/v1/cover/7/accept')
  await page.getByText('whoever is on call for web').waitFor()
  await page.getByLabel('What goes bad').fill('gdrive uploads fail')
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await page.getByText(/ana, ben would be called from/).waitFor()
  await page.getByText('after 5 min').waitFor()
  expect(new URL(page.url()).searchParams.get('woken')).toBe('gdrive uploads fail')
  expect(await axe(page)).toEqual([])
  await shot(page, 'oncall-woken-1400-light', true)
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a note that is posted is in the stream of changes, and can be found', async () => {
  const page = await open(browser, server.url('/changes'))
  await page.getByText('A deploy posts one').waitFor()
  await page.keyboard.press('m')
  await page.getByLabel('What was changed').fill('web@1.4.3 deployed')
  await page.getByLabel('Tags').fill('deploy web')
  await page.getByRole('button', { name: 'Post it' }).click()
  await page.getByRole('listitem').filter({ hasText: 'web@1.4.3 deployed' }).waitFor()
  await page.getByRole('button', { name: 'Switches' }).click()
  await page.getByText('Nothing in this window says so.').waitFor()
  await page.getByRole('button', { name: 'Deploys' }).click()
  await page.getByLabel('Only what says').fill('1.4')
  await page.getByRole('listitem').filter({ hasText: 'web@1.4.3 deployed' }).waitFor()
  expect(new URL(page.url()).search).toContain('kind=deploy')
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a token is shown once, and taken out only when asked twice', async () => {
  const page = await open(browser, 'about:blank')
  await answer(page, { '/api/v1/teams': () => ({ teams: [] }), '/api/v1/audit': () => ({ entries: [], more: false }), '/api/v1/invitations': () => ({ invitations: [] }) })
  await page.goto(server.url('/settings'))
  const tokens = page.getByRole('region', { name: 'Tokens' })
  await tokens.getByLabel('What it is for').fill('grafana')
  await tokens.getByRole('button', { name: 'Make a token' }).click()
  await tokens.getByText('shown once').waitFor()
  const secret = (await tokens.locator('code').textContent()) ?? ''
  expect(secret.length).toBeGreaterThan(20)
  await tokens.getByRole('row', { name: /grafana/ }).waitFor()
  expect(await server.json('/api/v1/tokens')).not.toContain(secret)
  await page.reload()
  await tokens.getByRole('row', { name: /grafana/ }).waitFor()
  expect(await page.getByText(secret).count()).toBe(0)
  await tokens.getByRole('button', { name: 'Take out grafana', exact: true }).click()
  await tokens.getByRole('button', { name: 'Really take out grafana' }).click()
  await tokens.getByText('There is no token.').waitFor()
  await page.context().close()
})

test('channels say where they stand and how they did; a test goes to whom one chooses', async () => {
  for (const [width, colorScheme] of [[1400, 'light'], [390, 'dark']] as const) {
    const page = await open(browser, 'about:blank', { colorScheme, viewport: { width, height: 900 } })
    const sent: string[] = []
    await answer(page, TOLD)
    await page.route('**/api/v1/contacts/**', (route) => {
      const url = new URL(route.request().url())
      sent.push(`${route.request().method()} ${url.pathname}${url.search}`)
      return route.fulfill({ status: 202, json: someTests() })
    })
    await page.goto(server.url('/settings'))
    const channels = page.getByRole('region', { name: 'Channels' })
    await channels.getByText('/etc/bellwether/conf.d/chat.toml:1').waitFor()
    await channels.getByText('password (hidden)').waitFor()
    await channels.getByText('The last 4 tries failed').waitFor()
    await channels.getByText('Nobody is reached by it.').waitFor()
    await channels.getByLabel('Who gets a test by mail').selectOption('ben')
    await channels.getByRole('button', { name: 'Send a test to ben by mail' }).press('Enter')
    await page.getByText('A test is on its way to ben.').waitFor()
    expect(sent).toEqual(['POST /api/v1/contacts/ben/test?channel=mail'])
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    expect(page.wrong).toEqual([])
    await page.context().close()
  }
})

test('a test by a channel is sent for true, and what became of it is there at once', async () => {
  const told = await Server.start('[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "http://127.0.0.1:9/in"\n[[contact]]\nname = "ana"\nchannels = ["hook"]\n')
  try {
    const page = await open(browser, told.url('/settings'))
    const row = page.getByRole('region', { name: 'Channels' }).getByRole('row', { name: /^hook/ })
    await row.getByText('none', { exact: true }).waitFor()
    await row.getByRole('button', { name: 'Send a test to ana by hook' }).click()
    await row.getByText(/tr(y|ies) failed/).waitFor({ timeout: 60_000 })
    await page.context().close()
  } finally {
    await told.stop()
  }
})

test('one adds a way to be reached, types the code that came, and tries it', async () => {
  const page = await open(browser, 'about:blank', { viewport: { width: 900, height: 900 } })
  const sent: [string, unknown][] = []
  let ways = someWays().ways.slice(0, 1)
  const answerOf = () => ({ ...someWays(), ways })
  await answer(page, TOLD)
  await page.route('**/api/v1/me/ways**', async (route) => {
    const [path, method] = [new URL(route.request().url()).pathname.replace('/api/v1/me/ways', ''), route.request().method()]
    if (method !== 'GET') sent.push([method + path, route.request().postDataJSON()])
    if (method === 'PUT') ways = [...ways, { ...someWays().ways[1]!, id: 4, type: 'email', address: 'ana@example.org', channel: 'mail' }]
    if (path === '/4/confirm') ways = ways.map((way) => ({ ...way, confirmed: 1 }))
    await (path === '/4/code' ? route.fulfill({ status: 204 }) : route.fulfill({ json: answerOf() }))
  })
  await page.goto(server.url('/settings'))
  await page.locator('label', { hasText: /^By/ }).locator('select').selectOption('email')
  await page.getByLabel('Where').fill('ana@example.org')
  // By the keyboard alone from here on.
  await page.keyboard.press('Enter')
  const code = page.getByLabel('Code that came to ana@example.org')
  await code.fill('123456')
  await code.press('Enter')
  await page.getByText('Confirmed: you are reached here now.').waitFor()
  await page.getByRole('button', { name: 'Send a test to ana@example.org' }).click()
  await until('a test', () => sent.length === 4)
  const kept = { id: 1, type: 'ntfy', label: '', channel: null }
  expect(sent).toEqual([
    ['PUT', { ways: [kept, { type: 'email', address: 'ana@example.org', label: '', channel: 'mail' }], unreachable: false }], ['POST/4/code', null], ['POST/4/confirm', { code: '123456' }], ['POST/4/test', null],
  ])
  expect(await axe(page)).toEqual([])
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('one says in which order one is reached, and reads it as a sentence first', async () => {
  const page = await open(browser, 'about:blank', { colorScheme: 'light', viewport: { width: 390, height: 844 } })
  const sent: unknown[] = []
  let rules = someRules()
  await answer(page, TOLD)
  await page.route('**/api/v1/me/rules', async (route) => {
    if (route.request().method() === 'PUT') {
      sent.push(route.request().postDataJSON())
      rules = { ...rules, ...(route.request().postDataJSON() as Pick<typeof rules, 'rules'>) }
    }
    await route.fulfill({ json: rules })
  })
  await page.goto(server.url('/settings'))
  const order = page.getByRole('form', { name: 'In which order' })
  await order.getByText('ntfy at once, text after 2 min, phone after 5 min, phone again every 5 min until somebody has it').waitFor()
  await order.getByLabel('After how long, step 3').fill('1min')
  await order.getByText('Each step comes after the one above it.').waitFor()
  expect(await order.getByRole('button', { name: 'Save the order' }).isDisabled()).toBe(true)
  await order.getByRole('button', { name: 'Take out step 3' }).click()
  await order.getByLabel('The last again every').fill('')
  await order.getByRole('button', { name: 'Say in which order: for anything' }).click()
  await order.getByText('ntfy at once', { exact: true }).waitFor()
  expect(await axe(page)).toEqual([])
  expect(await sideways(page)).toBeLessThanOrEqual(0)
  await order.getByRole('button', { name: 'Save the order' }).click()
  await until('what was sent', () => sent.length === 1)
  expect(sent[0]).toEqual({ rules: [{ severity: 'critical', steps: [{ after: '0s', channel: 'ntfy' }, { after: '120s', channel: 'text' }] }, { severity: 'any', steps: [{ after: '0s', channel: 'ntfy' }] }] })
  await shot(page, 'settings-rules-390-light', true)
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('who comes by whose word is said, and an administrator says who is meant and who rests no more', async () => {
  const day = 86_400
  const then = Date.now() / 1000 - 40 * day
  const person = { role: 'responder', display_name: '', time_zone: null, created: then, teams: [] }
  const people = [
    { ...person, name: 'cho', name_used_by: ['contact cho', 'schedule web'], comes_by: [{ by: 'proxy', seen: then, linked: null, until: null }] },
    { ...person, name: 'dee', suspended: then + 9 * day, comes_by: [{ by: 'provider', seen: then, linked: then, until: null }] },
  ]
  const sent: string[] = []
  for (const [width, colorScheme] of [[1400, 'dark'], [390, 'light']] as const) {
    const page = await open(browser, 'about:blank', { colorScheme, viewport: { width, height: 900 } })
    await answer(page, { ...TOLD, ...actingAs('admin'), '/api/v1/people': () => ({ people }) })
    await page.route((url) => url.pathname.startsWith('/api/v1/people/'), (route) => {
      const url = new URL(route.request().url())
      sent.push(`${route.request().method()} ${url.pathname}${url.search} ${route.request().postData() ?? ''}`.trim())
      return url.searchParams.has('by') ? route.fulfill({ json: { tokens: ['deploy', 'old'], ways: 1 } }) : route.fulfill({ status: 204 })
    })
    const token = { role: 'viewer', prefixes: [], expires: null, created: then, last_used: null }
    const tokens = [{ ...token, id: 3, name: 'deploy', owner: 'dee' }, { ...token, id: 4, name: 'mine', owner: 'dee' }, { ...token, id: 5, name: 'old', owner: 'dee' }]
    await page.route((url) => url.pathname.startsWith('/api/v1/tokens'), (route) => {
      if (route.request().method() === 'GET') return route.fulfill({ json: { tokens } })
      sent.push(`${route.request().method()} ${new URL(route.request().url()).pathname}`)
      return route.fulfill({ status: 204 })
    })
    await page.goto(server.url('/settings'))
    await page.getByText('This name means somebody already: contact cho, schedule web').waitFor()
    await page.getByText('Suspended since').waitFor()
    await settled(page)
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `settings-links-${width}-${colorScheme}`, true)
    await page.getByRole('button', { name: 'Link cho: it is they' }).click()
    await page.getByRole('button', { name: 'Take it back: the suspension of dee' }).click()
    await page.getByRole('button', { name: 'Unlink dee from the sign-in provider' }).click()
    await until('what was sent', () => sent.length === 3)
    expect(sent.splice(0)).toEqual(['POST /api/v1/people/cho/link {"by":"proxy"}', 'DELETE /api/v1/people/dee/suspension', 'DELETE /api/v1/people/dee/link?by=provider'])
    // What stays was made as dee, maybe by somebody else; a token that was made meanwhile was not.
    await page.getByText('Whoever came so may have made what stays: 2 tokens (deploy, old) and 1 way to be reached.').waitFor()
    expect(await axe(page)).toEqual([])
    await page.getByRole('button', { name: 'Take out what stays of dee' }).click()
    await page.getByRole('button', { name: 'Really take out what stays of dee' }).click()
    await until('what was sent', () => sent.length === 3)
    expect(sent.splice(0)).toEqual(['DELETE /api/v1/people/dee/ways', 'DELETE /api/v1/tokens/3', 'DELETE /api/v1/tokens/5'])
    await page.getByText('Whoever came so').waitFor({ state: 'detached' })
    // What others are told has no such words.
    await answer(page, actingAs('viewer'))
    await page.reload()
    await page.getByText('Suspended since').waitFor()
    expect(await page.getByRole('button', { name: /^(Link|Unlink|Take it back:) / }).count()).toBe(0)
    await page.context().close()
  }
})
