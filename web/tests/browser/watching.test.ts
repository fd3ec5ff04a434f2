import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, open } from '../support/browser.ts'
import { attempts, Server, until } from '../support/server.ts'

/** The same pages over a server that really watches: from a result that comes in to what people see and do. */
let browser: Browser
let server: Server

const CONFIG = `
[[contact]]
name = "ana"
channels = ["log"]
[[host]]
name = "web1"
[[check]]
name = "web1/disk /var"
host = "web1"
service = "disk"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
owner = "ana"
[[service]]
name = "Shop"
availability = ["web1/*"]
`

beforeAll(async () => {
  browser = await launch()
  server = await Server.start(CONFIG)
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

async function tell(status: number, output: string) {
  const body = JSON.stringify({ status, output })
  const answer = await fetch(server.url('/api/v1/checks/web1%2Fdisk%20%2Fvar/result'), { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  expect(answer.status).toBe(200)
}

test('a change of state is on the list within a second, without a reload', async () => {
  await tell(0, 'DISK OK')
  const page = await open(browser, server.url('/monitors?ok=1'))
  await page.getByText('DISK OK').first().waitFor()
  let tries = 0
  const quick = await attempts(5, async () => {
    const said = `DISK CRITICAL - try ${tries++}`
    await tell(0, 'DISK OK')
    await page.getByText('DISK OK').first().waitFor()
    await page.waitForTimeout(1000)
    const start = Date.now()
    await tell(2, said)
    await page.getByText(said).first().waitFor()
    console.log(`told to seen: ${Date.now() - start} ms`)
    return Date.now() - start <= 1000
  })
  expect(quick).toBe(true)
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('from trouble to somebody who has it, and to its end', async () => {
  await tell(2, 'DISK CRITICAL - free space: /var 312 MB | /var=31000MB;25600;28800;0;32000')
  const page = await open(browser, server.url('/'))
  await page.getByRole('heading', { name: /One thing is wrong/ }).waitFor()
  await page.getByRole('heading', { name: 'Services', exact: true }).waitFor()
  await page.getByText('is down').first().waitFor()
  await page.goto(server.url('/monitors/web1%2Fdisk%20%2Fvar'))
  await page.getByRole('heading', { name: /web1\/disk \/var is CRITICAL/ }).waitFor()
  await page.getByText('DISK CRITICAL - free space: /var 312 MB').first().waitFor()
  await page.getByRole('row', { name: /problem.*ana by log/ }).first().waitFor()
  await page.getByText(/from .*bellwether\.toml:\d+; changes are made there/).waitFor()
  expect(await page.getByRole('button', { name: 'Run now' }).isDisabled(), 'its results are sent').toBe(true)
  await page.getByRole('button', { name: 'I have it' }).click()
  await page.getByRole('textbox', { name: 'Comment' }).fill('cleaning up')
  await page.locator('form').getByRole('button', { name: 'I have it' }).click()
  await page.getByText(/you have it since .*cleaning up/).waitFor()
  await page.getByRole('button', { name: 'Plan downtime' }).click()
  await page.getByRole('textbox', { name: 'Comment' }).fill('bigger disk')
  await page.locator('form').getByRole('button', { name: 'Plan downtime' }).click()
  await page.getByText(/In downtime until .*/).waitFor()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('Downtime was cancelled').waitFor()
  await tell(0, 'DISK OK - all is well')
  await page.getByRole('heading', { name: /web1\/disk \/var is OK/ }).waitFor()
  await page.goto(server.url('/incidents'))
  await page.getByRole('heading', { name: 'Nothing is open.' }).waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a host has a page of its own', async () => {
  const page = await open(browser, server.url('/monitors?ok=1'))
  await page.getByRole('link', { name: 'web1', exact: true }).click()
  await page.getByRole('heading', { name: /web1 has not had a result yet/ }).waitFor()
  expect(new URL(page.url()).pathname).toBe('/monitors/host%3Aweb1')
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('what is written in the editor is kept, watched, and can be changed', async () => {
  const page = await open(browser, server.url('/monitors?new=1&from=-5min&to=now&q=host.*.load.1m'))
  await page.getByLabel('Critical: when').selectOption('above')
  await page.getByLabel('Value').fill('1000')
  await page.getByLabel('Value').blur()
  await page.getByLabel('Name', { exact: true }).fill('load is high')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('heading', { name: /load is high (has not had|is OK)/ }).waitFor()
  await page.getByText('made here, kept in the state database').waitFor()
  await page.getByRole('link', { name: 'Change', exact: true }).click()
  await page.getByRole('heading', { name: 'Change load is high' }).waitFor()
  expect(await page.getByLabel('Value').inputValue()).toBe('1000')
  await page.getByRole('button', { name: 'As text' }).first().click()
  await page.getByLabel('Critical as text').fill('> and')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('It was not saved').waitFor()
  await until('the definition as it was', async () => JSON.stringify(await server.json('/api/v1/monitors/load%20is%20high')).includes('> 1000'))
  await page.context().close()
})
