import { hostname } from 'node:os'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, settled, shot, sideways, wear, type Watched } from '../support/browser.ts'
import { aGroup, anEvent, aProject, aRelease, aSeries, someGroups, someWords, wholeGroup } from '../support/errors.ts'
import { actingAs, answer, type Answers } from '../support/mocked.ts'
import { Server, until } from '../support/server.ts'

/** What comes in, one error, projects and releases. */
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

const pageOfEvents = (url: URL) => {
  const before = url.searchParams.get('before')
  const begin = before === null ? 0 : Number(before.replace(/^a+/, '')) + 1
  return Array.from({ length: Math.max(0, Math.min(5, 8 - begin)) }, (_, index) => anEvent(begin + index))
}
const TOLD: Answers = {
  '/api/v1/errors/groups': (url) => (url.searchParams.has('first_release') ? someGroups().slice(0, 2) : url.searchParams.get('status') === 'regressed' ? [{ ...someGroups()[2], regressed_at: Date.now() / 1000 - 300 }] : someGroups()), '/api/v1/errors/groups/7/similar': () => [{ ...aGroup(31, { title: 'DriveError: 403 from drive api', status: 'resolved' }), alike: 0.78 }], '/api/v1/errors/groups/7': () => wholeGroup(), '/api/v1/errors/groups/7/events': pageOfEvents,
  '/api/v1/errors/projects': () => [aProject(), aProject({ id: 2, name: 'jobs', keys: [], dsn: null, last_heard: null, client: null })], '/api/v1/errors/projects/1': () => aProject(), '/api/v1/errors/series': aSeries, '/api/v1/errors/feedback': () => someWords(),
  '/api/v1/errors/releases': () => ({ since: 0, releases: [{ release: 'web@1.4.3', deploys: 2, commits: 14, sessions: 900, crash_free: 0.9876, adoption: 0.6, url: null }, { release: 'web@1.4.2', deploys: 0, commits: 0, sessions: 0, crash_free: null, adoption: null, url: null }] }),
  '/api/v1/errors/releases/web%401.4.3': () => aRelease(),
  '/api/v1/errors/groups/7/facets': () => ({ events: 100, facets: [{ key: 'drive', events: 412, values: 2, exact: true }, { key: 'extra.file', events: 98, values: 2, exact: false }] }),
  '/api/v1/errors/groups/7/facets/extra.file': () => ({ key: 'extra.file', exact: false, events: 100, without: 2, other: 0, values: [{ value: 'IMG_2031.jpg', count: 90, share: 0.92, usual: null, users: 3, last_seen: 0, event: '3'.padStart(32, 'a') }, { value: 'holiday.zip', count: 8, share: 0.08, usual: null, users: 1, last_seen: 0, event: null }] }),
  '/api/v1/comments': () => ({ comments: [{ id: 'c1', by: 'ana', at: Date.now() / 1000 - 60, text: 'the token of gdrive ran out' }] }),
}
async function at(path: string, told: Answers = {}, options: Parameters<typeof open>[2] = {}): Promise<Watched> {
  const page = await open(browser, 'about:blank', options)
  await answer(page, { ...TOLD, ...told })
  await page.goto(server.url(path))
  return page
}
const rows = (page: Watched) => page.locator('[role=row][data-index]')
const focused = (page: Watched) => page.evaluate(() => document.activeElement?.textContent ?? '')

const PAGES = { incoming: ['/errors', '2 errors are new since the deploy'], one: ['/errors/7', 'DriveError: 401 from drive api'], feedback: ['/errors?tab=feedback', 'Vera said something'], projects: ['/errors?tab=projects&project=1', '2 projects can send errors'], releases: ['/errors?tab=releases', 'The newest release is web@1.4.3'], release: ['/errors?tab=releases&project=1&release=web@1.4.3', 'web@1.4.3 brought 2 new errors; one came back in it.'] }
test.each(Object.entries(PAGES))('%s: axe finds nothing, in both themes, on a screen and a phone', async (name, [path, says]) => {
  const page = await at(path)
  await page.getByRole('heading', { level: 1, name: says }).waitFor()
  if (name === 'one') await page.getByText('raise DriveError(f').waitFor()
  await settled(page)
  for (const [width, colorScheme] of [[1400, 'dark'], [1400, 'light'], [900, 'light'], [390, 'dark']] as const) {
    await wear(page, width, colorScheme)
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
    await shot(page, `errors-${name}-${width}-${colorScheme}`)
    if (name === 'one') await shot(page, `errors-${name}-${width}-${colorScheme}-whole`, true)
    expect(await axe(page), `${width} ${colorScheme}`).toEqual([])
    expect(await sideways(page)).toBeLessThanOrEqual(0)
  }
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('the newest on top; twenty rows on a screen; keys walk, choose and resolve many', async () => {
  const page = await at('/errors')
  await page.getByText('New since web@1.4.3').waitFor()
  const sections = await page.locator('.section b').allInnerTexts()
  expect(sections).toEqual(['New since web@1.4.3', 'Came back', 'More often than usual', 'Known'])
  const inSight = await rows(page).evaluateAll((all) => all.filter((row) => row.getBoundingClientRect().bottom <= innerHeight).length)
  expect(inSight).toBeGreaterThanOrEqual(20)

  const changed: [string, unknown][] = []
  await page.route('**/api/v1/errors/groups/*', (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    changed.push([new URL(route.request().url()).pathname, route.request().postDataJSON()])
    return route.fulfill({ json: {} })
  })
  await page.keyboard.press('j')
  expect(await focused(page)).toContain('DriveError')
  await page.keyboard.press('x')
  await page.keyboard.press('j')
  // Over the line between two sections.
  await page.keyboard.press('j')
  expect(await focused(page)).toContain('IntegrityError')
  await page.keyboard.press('k')
  expect(await focused(page)).toContain('TypeError')
  await page.keyboard.press('x')
  await page.getByText('2 chosen').waitFor()
  await page.keyboard.press('r')
  await until('both resolved', () => changed.length === 2)
  expect(changed.map(([path, body]) => [path, body])).toEqual([['/api/v1/errors/groups/7', { status: 'resolved' }], ['/api/v1/errors/groups/8', { status: 'resolved' }]])
  await page.getByText('2 resolved').waitFor()
  expect(await page.getByText('chosen').count()).toBe(0)
  await page.keyboard.press('j')
  await page.keyboard.press('Enter')
  await until('one error', () => /^\/errors\/\d+$/.test(new URL(page.url()).pathname))
  await page.context().close()
})

test('paused, and under the pointer, nothing moves and what is new is counted', async () => {
  let groups = someGroups(3)
  const page = await at('/errors', { '/api/v1/errors/groups': () => groups })
  await rows(page).first().waitFor()
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.getByText('Paused: what comes is counted only.').waitFor()
  groups = [aGroup(99, { title: 'Brand new', is_new_since_deploy: true }), ...groups]
  await page.getByRole('button', { name: '1 new one: show' }).waitFor()
  expect(await page.getByText('Brand new').count()).toBe(0)
  expect(new URL(page.url()).searchParams.has('from')).toBe(true)
  await page.getByRole('button', { name: '1 new one: show' }).click()
  await page.getByRole('link', { name: 'Brand new' }).waitFor()
  await page.keyboard.press('l')
  await rows(page).first().hover()
  groups = [aGroup(100, { title: 'Newer still', is_new_since_deploy: true }), ...groups]
  await page.getByRole('button', { name: '1 new one: show' }).waitFor()
  await page.getByRole('heading', { level: 1 }).hover()
  await page.getByRole('link', { name: 'Newer still' }).waitFor()
  await page.context().close()
})

test('filters stand in the URL and are asked of the server', async () => {
  const asked: URLSearchParams[] = []
  const page = await at('/errors?status=ignored&project=1', { '/api/v1/errors/groups': (url) => (asked.push(url.searchParams), asked.length < 3 ? someGroups(3) : []) })
  await rows(page).first().waitFor()
  expect(Object.fromEntries(asked[0])).toMatchObject({ status: 'ignored', project: '1' })
  await page.getByLabel('Level').selectOption('Fatal')
  await until('the level in the question', () => asked.at(-1)?.get('level') === 'fatal')
  await page.getByLabel('Find in title or place').fill('401')
  await until('the text in the question', () => asked.at(-1)?.get('q') === '401')
  await page.getByRole('heading', { name: 'No error is so.' }).waitFor()
  expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({ status: 'ignored', project: '1', level: 'fatal', find: '401' })
  await page.context().close()
})

test('one error: crash open with locals, raw one key away and remembered, events back and forth', async () => {
  const page = await at('/errors/7')
  await page.getByText('raise DriveError(f').waitFor()
  await page.getByText('<Response 401>').waitFor()
  await page.getByText('taken out by the rule “token”').waitFor()
  expect(await page.getByRole('link', { name: 'gdrive', exact: true }).locator('..').innerText()).toMatch(/97\s*%[\s\S]*normally 20\s*%/)
  await page.keyboard.press('w')
  await page.getByText('Traceback (most recent call last):').first().waitFor()
  await page.reload()
  await page.getByText('Traceback (most recent call last):').first().waitFor()
  await page.keyboard.press('w')
  for (const place of [2, 3, 4, 5, 6, 7]) {
    await page.getByRole('button', { name: 'Older' }).click()
    await page.getByText(`Event ${place} from the newest`).waitFor()
  }
  const link = page.url()
  expect(new URL(link).searchParams.get('event')).toBe('6'.padStart(32, 'a'))
  await page.getByRole('button', { name: 'Older' }).click()
  await page.getByText('the oldest that is kept').waitFor()
  expect(await page.getByRole('button', { name: 'Older' }).isDisabled()).toBe(true)
  await page.goto(link)
  await page.getByText('Event 7 from the newest').waitFor()
  await page.keyboard.press('k')
  await page.getByText('Event 6 from the newest').waitFor()
  await page.context().close()
})

test('the host of that second is drawn, or said to be unknown', async () => {
  const page = await at('/errors/7')
  await page.getByText('No series of this host has arrived.').waitFor()
  await until('this host', async () => (await server.json<unknown[]>('/metrics/find?query=host.*')).length > 0)
  await answer(page, { '/api/v1/errors/groups/7/events': () => [anEvent(0, { server_name: hostname() })] })
  await page.reload()
  await page.getByRole('link', { name: 'Processor' }).waitFor()
  await page.context().close()
})

test('what one does about it: resolve now or in the next release, ignore until, assign, merge, split, copy', async () => {
  const page = await at('/errors/7', {}, { permissions: ['clipboard-read', 'clipboard-write'] })
  const sent: [string, unknown][] = []
  await page.route('**/api/v1/errors/groups/**', (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    sent.push([new URL(route.request().url()).pathname.replace('/api/v1/errors/groups', ''), route.request().postDataJSON()])
    return route.fulfill({ json: {} })
  })
  const last = async (count: number) => (await until(`deed ${count}`, () => sent.length === count), sent.at(-1))
  await page.getByRole('button', { name: 'Resolve', exact: true }).click()
  expect(await last(1)).toEqual(['/7', { status: 'resolved' }])
  await page.getByRole('button', { name: 'Resolve in…' }).click()
  await page.getByRole('button', { name: 'Resolve in the next release' }).click()
  expect(await last(2)).toEqual(['/7', { status: 'resolved', in: 'next' }])
  await page.keyboard.press('i')
  await page.getByLabel('Until').selectOption('so many more events')
  await page.getByLabel('so many more events').last().fill('many')
  await page.getByText('Write a number, such as 100').waitFor()
  expect(await page.getByRole('button', { name: 'Do it' }).isDisabled()).toBe(true)
  await page.getByLabel('so many more events').last().fill('100 in 1h')
  await page.getByRole('button', { name: 'Do it' }).click()
  expect(await last(3)).toEqual(['/7', { status: 'ignored', until: { events: 100, within: '1h' } }])
  await page.getByRole('button', { name: 'Assign…' }).click()
  await page.getByLabel('To whom').fill('ben')
  await page.getByRole('button', { name: 'Do it' }).click()
  expect(await last(4)).toEqual(['/7', { assign: 'ben' }])
  await page.getByRole('button', { name: 'Merge into this WEB-31' }).click()
  expect(await last(5)).toEqual(['/31/merge', { into: 7 }])
  await page.getByText('3 events of WEB-9 that are no longer kept are counted here in tags, users and counts over time. Up to 1 user may have had only WEB-9.').waitFor()
  await page.getByText('01bc01bc, 12 events').click()
  await page.getByRole('button', { name: 'Split off 01bc01bc' }).click()
  expect(await last(6)).toEqual(['/7/split', { hash: '01bc'.repeat(8) }])
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText())
  await page.getByRole('button', { name: 'Copy short link' }).click()
  await until('the link', async () => (await clipboard()).endsWith('/errors/7'))
  await page.getByRole('button', { name: 'Copy as Markdown' }).click()
  await until('the text', async () => (await clipboard()).includes('- drive = gdrive: 97 %, normally 20 %'))
  await page.getByRole('button', { name: 'Merge…' }).click()
  await page.getByLabel('The error that stays').fill('WEB-7')
  await page.getByText('There is no other error of this name').waitFor()
  await page.getByLabel('The error that stays').fill('web-8')
  await page.getByRole('button', { name: 'Do it' }).click()
  expect(await last(7)).toEqual(['/7/merge', { into: 8 }])
  await until('the other one', () => new URL(page.url()).pathname === '/errors/8')
  await page.context().close()
})

test('a project is made, shows its DSN for twelve platforms, and ticks at the first event', async () => {
  let made = false
  let come = false
  const page = await at('/errors?tab=projects', { '/api/v1/errors/groups': () => (come ? [aGroup(1)] : []), '/api/v1/errors/projects': () => (made ? [aProject()] : []) })
  await page.getByRole('heading', { name: 'No project sends errors yet.' }).waitFor()
  await page.route('**/api/v1/errors/projects', (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    made = true
    return route.fulfill({ json: aProject() })
  })
  await page.getByLabel('Name').fill('web')
  await page.getByRole('button', { name: 'Make a project' }).click()
  await page.getByText('Waits for the first event…').waitFor()
  expect(await page.getByRole('group', { name: 'Platform' }).getByRole('button').count()).toBe(12)
  await page.getByRole('button', { name: 'Ruby' }).click()
  await page.getByText("config.dsn = 'http://aaaa").waitFor()
  expect(await axe(page)).toEqual([])
  come = true
  await page.getByText('Received: the first event is here.').waitFor()
  await page.context().close()
})

test('what users said is one list, and stands beside the error; a tag leads to all errors with it', async () => {
  const page = await at('/errors?tab=feedback')
  await page.getByText('Where is the button to pay?').waitFor()
  await page.getByText('of no error').waitFor()
  await page.getByText('of an event that is not kept').waitFor()
  await page.getByRole('link', { name: 'WEB-7' }).click()
  // The second of its events, which the words are of.
  await page.getByText('Event 2 from the newest').waitFor()
  await page.getByRole('heading', { name: 'Said by users' }).waitFor()
  await page.getByRole('link', { name: 'Open', exact: true }).first().click()
  await page.getByText('Event 3 from the newest').waitFor()
  const asked: URLSearchParams[] = []
  await answer(page, { '/api/v1/errors/groups': (url) => (asked.push(url.searchParams), someGroups(3)) })
  await page.getByRole('link', { name: 'gdrive', exact: true }).click()
  await rows(page).first().waitFor()
  await until('the tag in the question', () => asked.some((one) => one.get('tag') === 'drive:gdrive' && one.get('project') === '1' && !one.has('status')))
  await page.getByRole('button', { name: 'Of whatever drive' }).click()
  await until('the question without it', () => asked.at(-1)?.has('tag') === false)
  await answer(page, { '/api/v1/errors/feedback': () => [] })
  await page.goto(server.url('/errors?tab=feedback'))
  await page.getByRole('heading', { name: 'No user has said anything yet.' }).waitFor()
  expect(await axe(page)).toEqual([])
  await answer(page, { '/api/v1/errors/feedback': () => null })
  await page.reload()
  await page.getByText('What users said could not be loaded').first().waitFor()
  await page.context().close()
})

test('C135: its events are divided by any field, which stands in the URL', async () => {
  const page = await at('/errors/7')
  await page.getByLabel('Field', { exact: true }).selectOption('extra.file')
  await page.getByText('IMG_2031.jpg').waitFor()
  await page.getByText('Of 100 kept events, 2 without it.').waitFor()
  expect(new URL(page.url()).searchParams.get('by')).toBe('extra.file')
  expect(await axe(page)).toEqual([])
  await page.getByRole('link', { name: '90' }).click()
  await page.getByText('Event 4 from the newest').waitFor()
  await page.getByText('IMG_2031.jpg').waitFor()
  await page.context().close()
})

test('from an error to its line of source, to a new issue, and to share an address that stays', async () => {
  const group = wholeGroup({ links: { page: '/errors/WEB-7', new_issue: 'https://git.example/web/issues/new?title=DriveError' } })
  const source = { url: 'https://git.example/web/blob/abc/{path}#L{line}', root: '/srv/web/' }
  const page = await at('/errors/WEB-7', { '/api/v1/errors/groups/WEB-7': () => group, '/api/v1/errors/groups/WEB-7/events': () => [anEvent(0, { _source: source })] }, { permissions: ['clipboard-read', 'clipboard-write'] })
  expect(await page.getByRole('link', { name: 'This line in the repository' }).getAttribute('href')).toBe('https://git.example/web/blob/abc/jobs/upload.py#L88')
  expect(await axe(page, '.main')).toEqual([])
  expect(await page.getByRole('link', { name: 'New issue' }).getAttribute('href')).toBe(group.links?.new_issue)
  await page.getByRole('button', { name: 'Copy short link' }).click()
  await until('the link', async () => (await page.evaluate(() => navigator.clipboard.readText())) === server.url('/errors/WEB-7'))
  await page.context().close()
})

test('a release says how often it was deployed, and how it runs', async () => {
  const page = await at('/errors?tab=releases')
  const row = page.getByRole('row').filter({ hasText: 'web@1.4.3' })
  await until('its run', async () => /2 times, 14 commits\s+98\.7\s%\s+60\s%/.test(await row.innerText()))
  await page.context().close()
})

test('a release: what began and came back in it, its deploys and commits; an error and the list lead to it', async () => {
  const page = await at('/errors?tab=releases')
  await page.getByRole('link', { name: 'web@1.4.3', exact: true }).click()
  await page.getByRole('heading', { name: 'web@1.4.3 brought 2 new errors; one came back in it.' }).waitFor()
  await page.getByRole('table', { name: 'Began in it' }).getByRole('link', { name: 'DriveError: 401 from drive api' }).waitFor()
  await page.getByRole('table', { name: 'Came back in it' }).getByRole('link', { name: /^IntegrityError/ }).waitFor()
  await page.getByText('98.7\u202f% of 900 sessions without a crash').waitFor()
  await page.getByRole('region', { name: 'Deploys' }).getByText('production').waitFor()
  await page.getByRole('region', { name: '1 commit' }).getByText('Upload in parts').waitFor()
  await page.goto(server.url('/errors/7'))
  await page.getByRole('link', { name: 'new in web@1.4.3' }).click()
  await page.getByRole('heading', { name: 'web@1.4.3 brought 2 new errors' }).waitFor()
  // As the server marks what sentry-cli tells of.
  await fetch(server.url('/events/'), { method: 'POST', body: JSON.stringify({ what: 'web@1.4.3 deployed to production', tags: ['deploy', 'web'] }) })
  await page.goto(server.url('/changes'))
  await page.getByRole('link', { name: 'web@1.4.3 deployed to production', exact: true }).click()
  await until('its page', () => new URL(page.url()).searchParams.get('release') === 'web@1.4.3')
  await page.getByRole('heading', { name: 'web@1.4.3 brought 2 new errors' }).waitFor()
  await page.route('**/api/v1/errors/releases/none*', (route) => route.fulfill({ status: 404, json: { error: 'nothing has been seen of the release `none`' } }))
  await page.goto(server.url('/errors?tab=releases&project=1&release=none'))
  await page.getByRole('heading', { name: 'Nothing has been seen of none.' }).waitFor()
  await page.getByText('It is known as soon as').waitFor()
  await page.context().close()
})

test('texts that turn round what is read are seen, and turn nothing', async () => {
  const turned = (change = {}) => ({ ...someGroups()[0], title: 'cannot open photo_\u202egpj.exe', culprit: 'shop\u202e.py', ...change })
  const seen = 'cannot open photo_[U+202E]gpj.exe'
  const page = await at('/errors', { '/api/v1/errors/groups': () => [turned()], '/api/v1/errors/groups/7': () => wholeGroup({ ...turned(), tags: [{ key: 'file', values: [{ value: 'a\u202eb', count: 1, last_seen: 0, share: 1, usual: 1 }] }] }), '/api/v1/errors/groups/7/events': () => [anEvent(0, { extra: { name: 'x\u202ey' } })], '/api/v1/errors/groups/7/similar': () => [{ ...turned({ id: 8 }), alike: 0.9 }] })
  await page.getByRole('link', { name: seen }).waitFor()
  await page.getByRole('heading', { level: 1, name: seen }).waitFor()
  await page.goto(server.url('/errors/7'))
  await page.getByRole('heading', { level: 1, name: seen }).waitFor()
  await page.getByText('x[U+202E]y').waitFor()
  await page.getByRole('link', { name: 'a[U+202E]b' }).waitFor()
  await page.getByText('90\u202f% alike').waitFor()
  await page.getByRole('button', { name: 'Show as JSON' }).click()
  await page.getByText('"name": "x\\u202ey"').waitFor()
  expect(await page.evaluate(() => document.body.innerText.includes('\u202e'))).toBe(false)
  await page.context().close()
})

test('words about no error are shown as words', async () => {
  const words = { event_id: 'f'.repeat(32), timestamp: Date.now() / 1000, level: 'info', contexts: { feedback: { message: 'Where is it?', name: 'Otto', url: 'https://shop.example.com/cart' } } }
  const page = await at('/errors/12', { '/api/v1/errors/groups/12': () => wholeGroup({ id: 12, title: 'Where is it?', kind: 'feedback', is_new_since_deploy: true }), '/api/v1/errors/groups/12/events': () => [words], '/api/v1/errors/groups/12/facets': () => ({ events: 1, facets: [] }), '/api/v1/errors/feedback': () => [] })
  await page.getByRole('heading', { name: 'What the user said' }).waitFor()
  await page.getByText('Otto, ').filter({ hasText: 'on https://shop.example.com/cart' }).waitFor()
  expect(await page.getByText('It came without a stack.').count()).toBe(0)
  await page.context().close()
})

test('nothing, not allowed, not there and not answering are said', async () => {
  const page = await at('/errors', { '/api/v1/errors/groups': () => [], ...actingAs('viewer') })
  await page.getByRole('heading', { name: 'No error is open.' }).waitFor()
  await page.getByRole('link', { name: 'To the projects' }).waitFor()
  expect(await axe(page)).toEqual([])
  await page.goto(server.url('/errors/7'))
  await page.getByText('raise DriveError(f').waitFor()
  expect(await page.getByRole('button', { name: 'Resolve', exact: true }).isDisabled()).toBe(true)
  await page.route('**/api/v1/errors/groups/8', (route) => route.fulfill({ status: 404, json: { error: 'there is no error group 8' } }))
  await page.goto(server.url('/errors/8'))
  await page.getByRole('heading', { name: 'There is no error 8.' }).waitFor()
  await answer(page, { '/api/v1/errors/groups': () => null })
  await page.goto(server.url('/errors?status=all'))
  await page.getByText('The server cannot be reached.').first().waitFor()
  await page.context().close()
})

test('g x goes there; on a phone it is one of four', async () => {
  const page = await at('/', {}, { viewport: { width: 390, height: 844 } })
  await settled(page)
  await until('Errors', async () => {
    await page.keyboard.press('g')
    await page.keyboard.press('x')
    return new URL(page.url()).pathname === '/errors'
  })
  const bar = await page.locator('.frame > nav > :visible').allInnerTexts()
  expect(bar).toEqual(['Home', 'Incidents', 'Errors', 'More'])
  await page.context().close()
})
