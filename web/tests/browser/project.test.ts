import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, settled, sideways, wear } from '../support/browser.ts'
import { actingAs, answer } from '../support/mocked.ts'
import { Server, until } from '../support/server.ts'
import type { Project } from '../../src/api/errors.ts'

/** How what a project sends is treated, changed on its page over a real server. */
let browser: Browser
/** As high as all of it: no field is beneath a bar. */
const WHOLE = 3800
let server: Server

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
  for (const name of ['shop', 'jobs']) await server.cli(['project', 'create', name])
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

const known = (name: string) => server.json<Project>(`/api/v1/errors/projects/${name}`)
const change = (name: string, body: unknown) => fetch(server.url(`/api/v1/errors/projects/${name}`), { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** An error, as an SDK would send it. */
async function send(name: string, id: string, value: string, timestamp = Date.now() / 1000) {
  const { id: project, keys } = await known(name)
  const event = { event_id: id.repeat(32), timestamp, platform: 'python', exception: { values: [{ type: 'Timeout', value, stacktrace: { frames: [{ function: value, module: 'jobs', in_app: true }] } }] } }
  const answer = await fetch(server.url(`/api/${project}/store/?sentry_key=${keys[0].key}&sentry_version=7`), { method: 'POST', body: JSON.stringify(event) })
  expect(answer.status).toBe(200)
}

test('settings: what is wrong is said at its field, rules are tried on kept events, what others changed meanwhile stays', async () => {
  await send('shop', 'a', 'upload')
  await send('shop', 'b', 'download')
  const page = await open(browser, server.url('/errors?tab=projects'))
  await page.getByRole('button', { name: 'Settings shop' }).click()
  const form = page.getByRole('form', { name: 'Settings of shop' })
  await form.getByText(/^Kept now: 2 events/).waitFor()
  expect(await form.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true)

  await form.getByLabel('Kept for days').fill('a week')
  await form.getByText('Write a whole number, or nothing.').waitFor()
  expect(await form.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true)
  await form.getByLabel('Kept for days').fill('30')
  await form.getByLabel('Transactions in five minutes, at most').fill('-1')
  await form.getByText('Write a whole number, or nothing.').waitFor()
  expect(await form.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true)
  await form.getByLabel('Transactions in five minutes, at most').fill('5000')
  await form.getByLabel('Items of sessions in five minutes, at most').fill('0')
  await form.getByLabel('Where a line of source is seen').fill('https://git.example/{file}')
  await form.getByRole('button', { name: 'Add a rule' }).click()
  await form.getByLabel('Field', { exact: true }).fill('colour')
  await form.getByLabel('Pattern', { exact: true }).fill('*load')
  await form.getByRole('button', { name: 'Save' }).click()
  await form.getByText(/`{file}` names nothing that is filled in/).waitFor()
  await form.getByText(/`colour` is none of type/).waitFor()
  await form.getByText('a fingerprint has 1 to').waitFor()
  expect(await form.getByLabel('Field', { exact: true }).getAttribute('aria-invalid')).toBe('true')
  for (const [width, scheme] of [[1400, 'dark'], [390, 'light']] as const) {
    await wear(page, width, scheme, WHOLE)
    expect(await axe(page), `${width} ${scheme}`).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
  }

  await form.getByLabel('Where a line of source is seen').fill('https://git.example/{path}')
  await form.getByLabel('Field', { exact: true }).fill('function')
  await form.getByLabel('Grouped by, one line each').fill('loads')
  await form.getByRole('button', { name: 'Try on events that are kept' }).click()
  await form.getByText('Of 2 events in 2 groups 2 would be in another group.').waitFor()
  expect((await known('shop')).settings?.rules).toEqual([])

  // Somebody else saves meanwhile: another key, and one that is changed here too.
  expect((await change('shop', { settings: { source_root: '/app/', retention_days: 9 } })).ok).toBe(true)
  await form.getByRole('button', { name: 'Save' }).click()
  await form.getByText('Somebody else has changed this meanwhile: Kept for days.').waitFor()
  expect((await known('shop')).settings?.retention_days).toBe(9)
  await form.getByRole('button', { name: 'Save' }).click()
  await form.waitFor({ state: 'detached' })
  expect((await known('shop')).settings).toMatchObject({ source_root: '/app/', retention_days: 30, max_transactions_per_5m: 5000, max_sessions_per_5m: 0, source_url: 'https://git.example/{path}', rules: [{ when: [{ field: 'function', pattern: '*load' }], then: { fingerprint: ['loads'] } }] })
  expect(page.wrong.filter((said) => !said.includes('400'))).toEqual([])
  await page.context().close()
})

test('a time so short that events go is asked for twice', async () => {
  await send('jobs', 'c', 'old', Date.now() / 1000 - 20 * 86_400)
  const { id } = await known('jobs')
  const page = await open(browser, server.url(`/errors?tab=projects&settings=${id}`))
  const form = page.getByRole('form', { name: 'Settings of jobs' })
  await form.getByText(/^Kept now: 1 event,/).waitFor()
  await form.getByLabel('Kept for days').fill('7')
  await form.getByRole('button', { name: 'Save', exact: true }).click()
  await form.getByText('Events that are older than 7 days go at once, for good.').waitFor()
  expect((await known('jobs')).settings?.retention_days).toBeNull()
  await wear(page, 1400, 'dark', WHOLE)
  expect(await axe(page, 'form')).toEqual([])
  await form.getByRole('button', { name: 'Save, and let them go' }).click()
  await form.waitFor({ state: 'detached' })
  expect((await known('jobs')).settings?.retention_days).toBe(7)
  await page.context().close()
})

test('a key is limited, switched off and made', async () => {
  const page = await open(browser, server.url('/errors?tab=projects'))
  await settled(page)
  const { id } = await known('jobs')
  await page.goto(server.url(`/errors?tab=projects&settings=${id}`))
  const keys = () => known('jobs').then((project) => project.keys)
  await page.getByLabel('At most in five minutes').fill('3000')
  await page.getByRole('button', { name: /^Set: the key / }).click()
  await until('the limit', async () => (await keys())[0].max_events_per_5m === 3000)
  await page.getByRole('button', { name: /^Switch off: / }).click()
  await page.getByText('Programs with it are refused from then on.').waitFor()
  expect((await keys())[0].enabled).toBe(true)
  await page.getByRole('button', { name: 'Switch it off' }).click()
  await until('its end', async () => !(await keys())[0].enabled)
  await page.getByLabel('What it is for').fill('pages')
  await page.getByRole('button', { name: 'Make a key' }).click()
  await until('another one', async () => (await keys()).some(({ label, enabled }) => label === 'pages' && enabled))
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('how it groups and its baseline are said; it is renamed, unless it cannot be called so', async () => {
  await server.cli(['project', 'create', 'till'])
  expect((await change('till', { settings: { baseline_until: Math.floor(Date.now() / 1000) + 7 * 86_400 } })).ok).toBe(true)
  const { id, dsn } = await known('till')
  const page = await open(browser, server.url(`/errors?tab=projects&settings=${id}`))
  const settings = page.getByRole('region', { name: 'Settings of till' })
  await settings.getByText(/^Errors are told apart by version \d+ of our grouping, the newest\.$/).waitFor()
  await settings.getByText(/^Baseline until .* is not told of as new\.$/).waitFor()
  const name = settings.getByLabel('Name of the project')
  const rename = settings.getByRole('button', { name: 'Rename' })
  expect(await rename.isDisabled()).toBe(true)
  await name.fill('my till')
  await rename.click()
  await settings.getByText(/`my till` cannot be a project's name/).waitFor()
  await name.fill('shop')
  await rename.click()
  await settings.getByText('there is a project shop already').waitFor()
  await wear(page, 1400, 'dark', WHOLE)
  expect(await axe(page)).toEqual([])
  await name.fill('checkout')
  await rename.click()
  await page.getByRole('region', { name: 'Settings of checkout' }).waitFor()
  expect(await known('checkout')).toMatchObject({ id, dsn })
  expect(page.wrong.filter((said) => !said.includes('400'))).toEqual([])
  await page.context().close()
})

test('who may not change settings sees what they are', async () => {
  expect((await change('jobs', { settings: { issue_url: 'https://git.example/new?title={title}', owners: [{ when: [{ field: 'module', pattern: 'jobs.*' }, { field: 'tags.region', pattern: 'eu', not: true }], owner: 'ana' }], rules: [{ when: [{ field: 'path', pattern: '*/vendor/*' }], then: { in_app: false } }] } })).ok).toBe(true)
  const { id } = await known('jobs')
  const page = await open(browser, 'about:blank')
  await answer(page, actingAs('viewer'))
  await page.goto(server.url(`/errors?tab=projects&settings=${id}`))
  const settings = page.getByRole('region', { name: 'Settings of jobs' })
  await settings.getByText('https://git.example/new?title={title}').waitFor()
  await settings.getByText('module jobs.*, tags.region not eu: is of ana').waitFor()
  await settings.getByText('path */vendor/*: not own code').waitFor()
  await settings.getByText('It has no baseline: whatever is seen for the first time is told of as new.').waitFor()
  expect(await settings.getByRole('textbox').count()).toBe(0)
  expect(await settings.getByRole('button').count()).toBe(0)
  expect(await axe(page)).toEqual([])

  // An editor who sees a part changes all but where the server sends copies to.
  const editor = actingAs('editor')['/api/v1/status'](new URL(page.url())) as { auth: object }
  await answer(page, { '/api/v1/status': () => ({ ...editor, auth: { ...editor.auth, limited: true } }) })
  await page.reload()
  await settings.getByText('It is set by editors who see everything').waitFor()
  expect(await settings.getByLabel('DSN of the old one').isDisabled()).toBe(true)
  expect(await settings.getByLabel('Kept for days').isDisabled()).toBe(false)
  await settings.getByText('Its name says whose it is').waitFor()
  expect(await settings.getByLabel('Name of the project').isDisabled()).toBe(true)
  // Nor do they make projects: nobody's part would have it.
  const make = page.getByRole('region', { name: 'Make a project' })
  await make.getByText('Projects are made by editors who see everything: you see the part of your teams.').waitFor()
  expect(await make.getByLabel('Name').isDisabled()).toBe(true)
  expect(await make.getByRole('button', { name: 'Make a project' }).isDisabled()).toBe(true)
  await page.context().close()
})
