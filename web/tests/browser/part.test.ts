import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, settled, shot, sideways } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

/** Who sees a part of all names: pages show what is theirs, and ask for nothing that is refused. */
let browser: Browser
let server: Server

const PASSWORD = 'correct horse battery'
const schedule = (name: string, person: string) => `
[[schedule]]
name = "${name}"
time_zone = "UTC"
[[schedule.layer]]
name = "all"
people = ["${person}"]
rotation = "weekly"
start = "2026-01-05"
handoff = "monday 09:00"
[[escalation_policy]]
name = "${name}"
[[escalation_policy.step]]
notify = ["schedule:${name}"]
wait = "5min"
[[monitor]]
name = "${name}.queue"
kind = "metric"
target = "${name}.queue"
critical = "> 100"
escalation_policy = "${name}"
`
const CONFIG = `
[auth]
mode = "required"
[[team]]
name = "shop"
members = ["fay"]
prefixes = ["shop."]
[[contact]]
name = "ana"
channels = ["log"]
[[contact]]
name = "ben"
channels = ["log"]
${schedule('shop', 'ana')}
${schedule('mail', 'ben')}
`

beforeAll(async () => {
  browser = await launch()
  server = await Server.start(CONFIG)
  await server.cli(['user', 'set', 'fay', '--role', 'responder'], `${PASSWORD}\n`)
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

/** A proof that somebody who sees everything has asked for. */
async function aProof(): Promise<number> {
  const token = (await server.cli(['token', 'create', 'prover', '--role', 'admin'])).trim()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  type Item = { id: number; state: string }
  const begun = await fetch(server.url('/api/v1/proof'), { method: 'POST', headers, body: '{}' })
  expect(begun.status).toBe(202)
  const { id } = (await begun.json()) as Item
  await until('the proof', async () => ((await (await fetch(server.url(`/api/v1/proof/${id}`), { headers })).json()) as Item).state === 'done')
  return id
}

test('who is on call for them, proofs of their rules, Home: without what is of everybody, and nothing is refused', async () => {
  const id = await aProof()
  for (const [width, colorScheme] of [[1400, 'dark'], [390, 'light']] as const) {
    const page = await open(browser, server.url('/oncall'), { colorScheme, viewport: { width, height: 900 } })
    await page.getByLabel('Name').fill('fay')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { level: 1, name: 'ana is on call for shop' }).waitFor()
    // That one has to sign in, browsers write down.
    page.wrong.splice(0)
    const refused: string[] = []
    page.on('response', (response) => void (response.status() >= 400 && refused.push(`${response.status()} ${response.url()}`)))
    const says = {
      '/oncall': 'ana is on call for shop', '/proof': 'Would these rules have paged better?', [`/proof/${id}`]: /^Of what you see: \d+ rules?, no change proposed\.$/, '/': /./,
    }
    for (const [path, said] of Object.entries(says)) {
      await page.goto(server.url(path))
      await page.getByRole('heading', { level: 1, name: said }).waitFor()
      await settled(page)
      expect(await page.locator('main').innerText(), `${path} says nothing of others`).not.toMatch(/\b(mail|ben)\b/)
      expect(await axe(page), path).toEqual([])
      expect(await sideways(page), path).toBeLessThanOrEqual(0)
      await shot(page, `part-${path.replaceAll('/', '') || 'home'}-${width}-${colorScheme}`, true)
    }
    await page.getByText('You were not woken this week').waitFor()
    await page.goto(server.url('/oncall'))
    await page.getByText('You see the schedules that answer for your part.').waitFor()
    expect(await page.getByRole('button', { name: 'Take over' }).isEnabled()).toBe(true)
    expect(await page.getByRole('button', { name: 'Ask for cover' }).count()).toBe(0)
    await page.goto(server.url('/proof'))
    await page.getByText('Who sees a part of all reads proofs').waitFor()
    expect(await page.getByRole('button', { name: 'Prove it' }).isDisabled()).toBe(true)
    for (const path of ['/reports', '/services', '/posts']) {
      await page.goto(server.url(path))
      await page.getByRole('heading', { level: 1, name: 'This is for those who see everything' }).waitFor()
      await settled(page)
    }
    expect(await axe(page)).toEqual([])
    for (const path of ['/changes', '/monitors/shop.queue']) {
      await page.goto(server.url(path))
      await settled(page)
    }
    expect([refused, page.wrong]).toEqual([[], []])
    await page.context().close()
  }
})
