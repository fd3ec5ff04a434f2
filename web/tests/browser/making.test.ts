import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, settled, shot, sideways } from '../support/browser.ts'
import { actingAs, answer } from '../support/mocked.ts'
import { Server, until } from '../support/server.ts'

/** Schedules, policies and teams are made, changed and taken out over a real server; what is on call comes of them. */
let browser: Browser
let server: Server

const CONTACTS = ['ana', 'ben', 'cyd']
const CONFIG = `${CONTACTS.map((name) => `[[contact]]\nname = "${name}"\nchannels = ["log"]\n`).join('')}[[schedule]]\nname = "of a file"\ntime_zone = "UTC"\n[[schedule.layer]]\npeople = ["cyd"]\nrotation = "weekly"\nstart = "2026-01-05"\nhandoff = "monday 09:00"\n`

beforeAll(async () => {
  browser = await launch()
  server = await Server.start(CONFIG)
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

test('a schedule: wrong input is said at its field, who would be on call is shown before it is kept, and after', async () => {
  const page = await open(browser, server.url('/oncall?z=utc'))
  await settled(page)
  await page.getByText('is changed there').first().waitFor()
  expect(await page.getByRole('button', { name: 'Change of a file' }).count()).toBe(0)
  await page.getByRole('button', { name: 'New schedule' }).click()
  const form = page.getByRole('form', { name: 'New schedule' })
  await form.getByLabel('Name', { exact: true }).fill('web')
  await form.getByLabel('Time zone').first().fill('UTC')
  await form.getByLabel('Who, in the order of their turns').fill('ana, zoe')
  await form.getByText(/there is no contact `zoe`/).waitFor()
  expect(await form.getByLabel('Who, in the order of their turns').getAttribute('aria-invalid')).toBe('true')
  await form.getByLabel('Who, in the order of their turns').fill('ana, ben')
  await form.getByLabel('A turn lasts').fill('now and then')
  await form.getByText(/is no length of a turn/).waitFor()
  expect(await axe(page)).toEqual([])
  await form.getByLabel('A turn lasts').fill('daily')
  await form.getByText('a handoff on a day of the week is for turns of whole weeks').waitFor()
  await form.getByLabel('Turns change at').fill('09:00')
  await form.getByRole('img', { name: /^The next 30 days of web: ana, ben/ }).waitFor()
  expect(await axe(page)).toEqual([])
  await shot(page, 'making-schedule-1400-dark', true)
  await form.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('region', { name: /^web/ }).first().waitFor()
  type Known = { schedules: { name: string; definition: { layer: { people: string[]; rotation: string }[] } }[] }
  const known = async () => (await server.json<Known>('/api/v1/schedules')).schedules.find(({ name }) => name === 'web')?.definition.layer
  expect((await known())?.[0]).toMatchObject({ people: ['ana', 'ben'], rotation: 'daily' })

  await page.getByRole('button', { name: 'Change web' }).click()
  const change = page.getByRole('form', { name: 'Change web' })
  await change.getByRole('button', { name: 'Another layer below' }).click()
  const below = change.getByRole('group', { name: 'Layer 2' })
  await below.getByLabel('Who, in the order of their turns').fill('cyd')
  await page.setViewportSize({ width: 390, height: 844 })
  expect(await sideways(page)).toBeLessThanOrEqual(0)
  expect(await axe(page)).toEqual([])
  await shot(page, 'making-schedule-390-dark', true)
  await change.getByRole('button', { name: 'Save' }).click()
  await until('the second layer', async () => (await known())?.length === 2)
  await page.getByRole('button', { name: 'Take out web' }).click()
  await page.getByRole('button', { name: 'Really take out web' }).click()
  await until('its end', async () => (await known()) === undefined)
  expect(page.wrong.filter((said) => !said.includes('400'))).toEqual([])
  await page.context().close()
})

test('a policy: what it names must be there; what was made here is a file', async () => {
  const page = await open(browser, server.url('/oncall'), { colorScheme: 'light', viewport: { width: 900, height: 900 } })
  await settled(page)
  await page.getByRole('button', { name: 'New policy' }).click()
  const form = page.getByRole('form', { name: 'New policy' })
  await form.getByLabel('Name', { exact: true }).fill('pay')
  await form.getByLabel('Whom').fill('schedule:nobody')
  await form.getByLabel('Then wait').fill('soon')
  await form.getByText('Write a length such as 5min.').waitFor()
  expect(await form.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true)
  await form.getByLabel('Then wait').fill('5min')
  await form.getByRole('button', { name: 'Save' }).click()
  await form.getByText(/there is no schedule `nobody`/).waitFor()
  expect(await axe(page)).toEqual([])
  await shot(page, 'making-policy-900-light', true)
  await form.getByLabel('Whom').fill('schedule:of a file, ana')
  await form.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('article', { name: 'pay' }).getByText('whoever is on call for of a file, ana').waitFor()
  const link = await page.getByRole('link', { name: 'What was made here, as a file' }).getAttribute('href')
  const file = await (await fetch(server.url(link!))).text()
  expect(file).toContain('[[escalation_policy]]')
  expect(file).toContain('"schedule:of a file"')
  expect(file).not.toContain('[[schedule]]')
  await page.getByRole('button', { name: 'Change pay' }).click()
  await page.getByRole('form', { name: 'Change pay' }).getByLabel('How often all of it again').fill('3')
  await page.getByRole('form', { name: 'Change pay' }).getByRole('button', { name: 'Save' }).click()
  await page.getByText('All of it 3 times more').waitFor()
  await page.getByRole('button', { name: 'Take out pay' }).click()
  await page.getByRole('button', { name: 'Really take out pay' }).click()
  await page.getByRole('article', { name: 'pay' }).waitFor({ state: 'detached' })
  expect(page.wrong.filter((said) => !said.includes('400'))).toEqual([])
  await page.context().close()
})

test('a team, in the settings', async () => {
  const page = await open(browser, server.url('/settings'), { colorScheme: 'light', viewport: { width: 390, height: 844 } })
  await page.getByRole('button', { name: 'New team' }).click()
  const form = page.getByRole('form', { name: 'New team' })
  await form.getByLabel('Name', { exact: true }).fill('shop')
  await form.getByLabel('Members').fill('ana, ben')
  await form.getByLabel('Sees only names that begin with').fill('stats.shop. host.shop')
  expect(await axe(page)).toEqual([])
  await shot(page, 'making-team-390-light', true)
  await form.getByRole('button', { name: 'Save' }).click()
  type Known = { teams: { name: string; members: string[]; prefixes?: string[] }[] }
  const known = async () => (await server.json<Known>('/api/v1/teams')).teams.find(({ name }) => name === 'shop')
  await until('the team', async () => (await known())?.prefixes?.length === 2)
  await page.getByRole('button', { name: 'Change shop' }).click()
  await page.getByRole('form', { name: 'Change shop' }).getByLabel('Members').fill('ana')
  await page.getByRole('form', { name: 'Change shop' }).getByRole('button', { name: 'Save' }).click()
  await until('one member', async () => (await known())?.members.length === 1)
  await page.getByRole('button', { name: 'Take out shop' }).click()
  await page.getByRole('button', { name: 'Really take out shop' }).click()
  await until('its end', async () => (await known()) === undefined)
  expect(await sideways(page)).toBeLessThanOrEqual(0)
  expect(page.wrong.filter((said) => !said.includes('409'))).toEqual([])
  await page.context().close()
})

test('whoever may not define anything is told so', async () => {
  const page = await open(browser, 'about:blank')
  await answer(page, actingAs('responder'))
  await page.goto(server.url('/oncall'))
  const made = page.getByRole('button', { name: 'New schedule' })
  await made.waitFor()
  expect(await made.isDisabled()).toBe(true)
  expect(await page.getByRole('link', { name: 'What was made here, as a file' }).count()).toBe(0)
  await page.context().close()
})
