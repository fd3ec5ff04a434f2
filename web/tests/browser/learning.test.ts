import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, settled, shot, sideways } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

/** What is learnt of an incident, over a server that really watches: what helped, the playbook, the post-mortem, what people outside are told. */
let browser: Browser
let server: Server

const CONFIG = `
[status_page]
enabled = true
components = ["Uploads", "Search"]
[[contact]]
name = "ana"
channels = ["log"]
[incidents]
contacts = ["ana"]
reopen_within = "0s"
group_window = "0s"
[[host]]
name = "web1"
[[check]]
name = "web1/uploads"
host = "web1"
type = "passive"
max_check_attempts = 1
[[check]]
name = "web1/queue"
host = "web1"
type = "passive"
max_check_attempts = 1
[[check]]
name = "web1/search"
host = "web1"
type = "passive"
max_check_attempts = 1
`

beforeAll(async () => {
  browser = await launch()
  server = await Server.start(CONFIG)
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

const post = (path: string, body: unknown) => fetch(server.url(path), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
async function fail(name: string): Promise<number> {
  expect((await post(`/api/v1/checks/${encodeURIComponent(name)}/result`, { status: 2, output: `${name} is broken` })).status).toBe(200)
  type Listed = { incidents: { id: number; title: string }[] }
  return until(`the incident of ${name}`, async () => (await server.json<Listed>('/api/v1/incidents')).incidents.find(({ title }) => title.includes(name))?.id ?? 0)
}
async function end(name: string, id: number) {
  await post(`/api/v1/checks/${encodeURIComponent(name)}/result`, { status: 0, output: 'well' })
  await until(`the end of ${id}`, async () => (await server.json<{ phase: string }>(`/api/v1/incidents/${id}`)).phase === 'resolved')
}

test('the last time says what helped; what was judged is shown, and can be judged anew', async () => {
  const first = await fail('web1/uploads')
  await post(`/api/v1/incidents/${first}/acknowledge`, {})
  await end('web1/uploads', first)
  await post(`/api/v1/incidents/${first}/helped`, { text: 'restarted the proxy' })
  const id = await fail('web1/uploads')
  const page = await open(browser, server.url(`/incidents/${id}`))
  const last = page.getByRole('region', { name: 'The last times' })
  await last.getByText('restarted the proxy').waitFor()
  await last.getByText(/lasted .*, you had it/).waitFor()
  await end('web1/uploads', id)
  await page.getByRole('button', { name: 'It came too late' }).click()
  await page.getByRole('button', { name: 'It came too late', pressed: true }).waitFor()
  expect(await server.json(`/api/v1/incidents/${id}`)).toMatchObject({ judged: 'too late' })
  await page.getByRole('button', { name: 'What helped…' }).click()
  await page.getByLabel(/^What helped/).fill('a bigger disk')
  await page.getByRole('button', { name: 'Keep it' }).click()
  await page.getByText('a bigger disk').first().waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a playbook is written where it is missed, its steps are ticked, and it is edited in place', async () => {
  const id = await fail('web1/search')
  const page = await open(browser, server.url(`/incidents/${id}`), { viewport: { width: 390, height: 844 }, colorScheme: 'light', hasTouch: true })
  const book = page.getByRole('region', { name: 'What to do' })
  await book.getByRole('button', { name: 'Write the playbook web1/search' }).click()
  const text = '# Search\nLook **first**, then act.\n- [ ] look at the queue\n- [ ] restart `searchd`\n'
  await book.getByLabel('Playbook, in Markdown').fill(text)
  await book.getByRole('button', { name: 'Save', exact: true }).click()
  await book.getByText('0 of 2 steps done').waitFor()
  await book.getByRole('checkbox', { name: 'Done: restart `searchd`' }).tap()
  await book.getByText('1 of 2 steps done').waitFor()
  await page.getByText('step done').first().waitFor()
  expect(await axe(page)).toEqual([])
  expect(await sideways(page)).toBeLessThanOrEqual(0)
  await shot(page, 'incident-playbook-390-light', true)
  // What somebody else wrote meanwhile is not overwritten.
  await book.getByRole('button', { name: 'Edit here' }).click()
  await book.getByLabel('Playbook, in Markdown').fill(`${text}- [ ] mine\n`)
  const theirs = await fetch(server.url('/api/v1/playbooks/web1%2Fsearch'), { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text: `${text}- [ ] theirs\n`, version: 1 }) })
  expect(theirs.status).toBe(200)
  await book.getByRole('button', { name: 'Save', exact: true }).click()
  await book.getByText('It was not saved').waitFor()
  await book.getByRole('button', { name: 'Load the newer one' }).click()
  await until('their text', async () => (await book.getByLabel('Playbook, in Markdown').inputValue()).includes('theirs'))
  await book.getByRole('button', { name: 'Close', exact: true }).click()
  await book.getByText('1 of 3 steps done').waitFor()
  expect(page.wrong.filter((said) => !said.includes('409'))).toEqual([])
  await page.context().close()
})

test('a post-mortem is begun from the record, written, read as others would, published without names', async () => {
  const id = await fail('web1/queue')
  await post(`/api/v1/incidents/${id}/note`, { text: 'it is the disk again', author: 'ana' })
  await end('web1/queue', id)
  const page = await open(browser, server.url(`/incidents/${id}`))
  await page.getByRole('link', { name: 'Post-mortem' }).click()
  await page.getByRole('button', { name: 'Begin the post-mortem' }).click()
  await page.getByText('What it came to').waitFor()
  await page.getByLabel(/^Regret/).fill('Uploads failed, and we are sorry.')
  await page.getByLabel(/^Reason/).fill('ana forgot nothing: the disk was full, which was human error.')
  // What is not saved outlives a reload, and says so.
  await page.getByText('Not saved yet.').waitFor()
  await page.reload()
  await page.getByText('What you wrote before the reload is here again').waitFor()
  expect(await page.getByLabel(/^Regret/).inputValue()).toBe('Uploads failed, and we are sorry.')
  await page.getByLabel('What happened, Line 1').fill('the disk was full')
  await page.getByRole('listitem', { name: 'Line 1', exact: true }).getByRole('button', { name: 'Hide' }).click()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText('“human error”').waitFor()
  await page.getByText(/Saved, last changed/).waitFor()
  // Whoever has read an older version overwrites nothing.
  type Mortem = { post_mortems: { id: number }[] }
  const [{ id: which }] = (await server.json<Mortem>(`/api/v1/post-mortems?incident=${id}`)).post_mortems
  const { version, text } = await server.json<{ version: number; text: Record<string, unknown> }>(`/api/v1/post-mortems/${which}`)
  await fetch(server.url(`/api/v1/post-mortems/${which}`), { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ version, text: { ...text, remedy: 'theirs' } }) })
  await page.getByLabel(/^Remedy/).fill('mine')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText('Somebody changed it meanwhile.').waitFor()
  await page.getByRole('button', { name: 'Keep mine' }).click()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText(/Saved, last changed/).waitFor()
  await page.getByLabel('What is to be done').fill('watch the disk')
  await page.getByLabel('Who', { exact: true }).fill('ana')
  await page.getByLabel('Kind').selectOption('new_monitor')
  await page.getByRole('button', { name: 'Add it' }).click()
  const editor = new URL((await page.getByRole('link', { name: 'Write it, with the outage in replay' }).getAttribute('href'))!, server.url())
  expect([editor.pathname, editor.searchParams.get('new'), Number(editor.searchParams.get('to')) - Number(editor.searchParams.get('from')) >= 3600]).toEqual(['/monitors', '1', true])
  await page.getByLabel('Name of the monitor').fill('nothing of this name')
  await page.getByRole('button', { name: 'Try it on the outage' }).click()
  await page.getByText('there is no monitor `nothing of this name`').waitFor()
  // What cannot be tried on the past is done when somebody says so.
  await page.getByLabel('Name of the monitor').fill('web1/queue')
  await page.getByRole('button', { name: 'Try it on the outage' }).click()
  await page.getByText('`web1/queue` is a check: it cannot be tried on the past').waitFor()
  await page.getByRole('button', { name: 'Done, untried' }).click()
  await page.getByRole('button', { name: 'Not done' }).waitFor()
  await page.getByRole('button', { name: 'Preview' }).click()
  const seen = page.getByRole('article', { name: 'What others will read' })
  await seen.getByText('Uploads failed, and we are sorry.').waitFor()
  expect(await seen.innerText()).not.toContain('ana')
  await page.getByRole('button', { name: 'ana may stay' }).waitFor()
  // A title that is taken out says nothing: it is asked for in other words before anybody may publish.
  expect(await page.getByRole('button', { name: 'Publish it' }).isDisabled()).toBe(true)
  await page.getByLabel(/^Others would read the title/).fill('Uploads failed for an hour')
  await page.getByRole('button', { name: 'Take this title' }).click()
  await seen.getByRole('heading', { name: 'Uploads failed for an hour' }).waitFor()
  for (const [width, colorScheme] of [[1400, 'dark'], [390, 'light']] as const) {
    await page.emulateMedia({ colorScheme })
    // So tall that the bar at the bottom of a phone lies over nothing.
    await page.setViewportSize({ width, height: 4_000 })
    expect(await axe(page)).toEqual([])
    await page.setViewportSize({ width, height: 900 })
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `post-mortem-${width}-${colorScheme}`, true)
  }
  await page.getByRole('button', { name: 'Publish it' }).click()
  const address = await page.getByRole('link', { name: 'Read it' }).getAttribute('href')
  const published = await (await fetch(server.url(address!))).text()
  expect(published).toContain('Uploads failed, and we are sorry.')
  expect(published).not.toContain('ana')
  expect(published).toContain('<h1>Uploads failed for an hour</h1>')
  await page.getByRole('button', { name: 'Withdraw it' }).click()
  await page.getByRole('button', { name: 'Really withdraw it' }).click()
  await until('its end', async () => (await fetch(server.url(address!))).status === 404)
  // The conflict, and the monitor that is not there, are expected; nothing else went wrong.
  expect(page.wrong.filter((text) => !/40[09]/.test(text))).toEqual([])
  await page.context().close()
})

test('people outside are told in somebody’s own words, and how it goes on', async () => {
  const page = await open(browser, server.url('/posts?about=Uploads+fail'), { colorScheme: 'light' })
  await page.getByLabel('What you say to them').fill('Some uploads fail. We look into it.')
  expect(await page.getByLabel('Title').inputValue()).toBe('Uploads fail')
  await page.getByRole('combobox', { name: 'Uploads' }).selectOption('outage')
  await page.getByRole('button', { name: 'Publish it' }).click()
  await page.getByRole('heading', { level: 1, name: 'People outside are told: Uploads fail.' }).waitFor()
  expect(await (await fetch(server.url('/status'))).text()).toContain('Some uploads fail. We look into it.')
  for (const [width, colorScheme] of [[1400, 'dark'], [390, 'light']] as const) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 900 })
    await settled(page)
    expect(await axe(page)).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
    await shot(page, `posts-${width}-${colorScheme}`, true)
  }
  await page.getByRole('button', { name: 'Say how it goes on' }).click()
  await page.getByLabel('Where it has got to').selectOption('resolved')
  expect(await page.getByRole('combobox', { name: 'Uploads' }).inputValue()).toBe('operational')
  await page.getByLabel('What you say to them').fill('All is well.')
  await page.getByRole('button', { name: 'Publish it' }).click()
  await page.getByRole('heading', { level: 1, name: 'People outside are told of nothing' }).waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})
