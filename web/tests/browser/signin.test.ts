import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, shot, sideways } from '../support/browser.ts'
import { Server } from '../support/server.ts'

let browser: Browser
let server: Server

beforeAll(async () => {
  browser = await launch()
  server = await Server.start('[auth]\nmode = "required"\n')
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

test('who must sign in is asked, told when it was wrong, and comes to where they wanted to go', async () => {
  await server.cli(['user', 'set', 'ana', '--role', 'admin'], 'correct horse battery\n')
  const page = await open(browser, server.url('/data'))
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  expect(await axe(page)).toEqual([])
  await shot(page, 'signin-1400-dark')
  await page.getByLabel('Name').fill('ana')
  await page.getByLabel('Password').fill('wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').waitFor()
  await page.getByLabel('Password').fill('correct horse battery')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('What a point passes').waitFor()
  await page.locator('.dot.live').waitFor()
  await page.getByLabel('You and this page').click()
  await page.getByText('Signed in as ana').waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.context().close()
})

test('a sign-in provider is offered first, and a password beside it', async () => {
  const away = 'https://login.invalid'
  const provided = await Server.start(`[http]\npublic_url = "https://bellwether.invalid"\n[auth]\nmode = "required"\n[auth.oidc]\nname = "Example & Sons"\nissuer = "${away}"\nclient_id = "b"\ndefault_role = "viewer"\n`)
  for (const colorScheme of ['dark', 'light'] as const) {
    const page = await open(browser, provided.url('/incidents?state=all#x'), { colorScheme, viewport: { width: 390, height: 844 } })
    const link = page.getByRole('link', { name: 'Sign in with Example & Sons' })
    await link.waitFor()
    expect(await link.getAttribute('href')).toBe('/signin/provider?next=%2Fincidents%3Fstate%3Dall%23x')
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `signin-provider-390-${colorScheme}`)
    await link.click()
    await page.getByText('does not answer').waitFor()
    expect(await axe(page)).toEqual([])
    await shot(page, `signin-away-390-${colorScheme}`)
    await page.getByRole('link', { name: 'Sign in with a password' }).click()
    await page.getByLabel('Password').waitFor()
    await page.context().close()
  }
  await provided.stop()
})

test('who is invited follows the link once, chooses a password, and is in', async () => {
  await server.cli(['user', 'set', 'ben', '--role', 'admin'], 'correct horse battery\n')
  const admin = await open(browser, server.url('/settings'), { colorScheme: 'light' })
  await admin.getByLabel('Name').fill('ben')
  await admin.getByLabel('Password').fill('correct horse battery')
  await admin.getByRole('button', { name: 'Sign in' }).click()
  const people = admin.getByRole('region', { name: 'People' })
  await people.getByRole('textbox', { name: 'Name' }).fill('cyd')
  await people.getByRole('combobox', { name: 'Role' }).last().selectOption('responder')
  await people.getByRole('button', { name: 'Invite' }).click()
  const link = new URL((await people.locator('code').textContent())!.trim(), server.url())
  for (const [width, colorScheme] of [[390, 'dark'], [1400, 'light']] as const) {
    const look = await open(browser, server.url(link.pathname + link.hash), { colorScheme, viewport: { width, height: 844 } })
    await look.getByRole('heading', { name: 'Welcome to Bellwether' }).waitFor()
    expect(await axe(look)).toEqual([])
    expect(await sideways(look)).toBeLessThanOrEqual(0)
    await shot(look, `invited-${width}-${colorScheme}`)
    await look.context().close()
  }
  const page = await open(browser, server.url(link.pathname + link.hash))
  await page.getByLabel('Password').fill('a good long password')
  await page.getByLabel('Once more').fill('another one')
  await page.getByText('The two are not the same.').waitFor()
  await page.getByLabel('Once more').fill('a good long password')
  await page.getByRole('button', { name: 'Choose it and sign in' }).click()
  await page.locator('.dot.live').waitFor()
  expect(new URL(page.url()).hash).toBe('')
  await page.getByLabel('You and this page').click()
  await page.getByText('Signed in as cyd').waitFor()
  const late = await open(browser, server.url(link.pathname + link.hash))
  await late.getByLabel('Password').fill('a good long password')
  await late.getByLabel('Once more').fill('a good long password')
  await late.getByRole('button', { name: 'Choose it and sign in' }).click()
  await late.getByText('This invitation is used up').waitFor()
  for (const one of [admin, page, late]) await one.context().close()
})
