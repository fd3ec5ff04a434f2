import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, shot } from '../support/browser.ts'
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
