import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { axe, boxOf, launch, next, open, shot, sideways, type Watched } from '../support/browser.ts'
import { actingAs, answer, type Answers } from '../support/mocked.ts'
import { Server, until } from '../support/server.ts'
import { aCheck, aDefinition, anIncident, aPast, aWholeIncident, estate, someIncidents, someAvailability, someEarlier, someMoved, somePlaybook, someNotices, someServices } from '../support/watched.ts'

/** Pages of what is watched, over answers that are made up: every state, thousands of rows, nobody's rights. The real server stands behind the rest. */
let browser: Browser
let server: Server

const now = () => Math.floor(Date.now() / 1000)
const list = (count: number): Answers => ({ '/api/v1/monitors': () => ({ now: now(), monitors: estate(count) }) })
const CHECK: Answers = {
  '/api/v1/monitors/*': () => aDefinition(),
  '/api/v1/checks/*': (url) => (url.pathname.endsWith('/history') ? aPast(now() - 86_400, now()) : aCheck()),
  '/api/v1/notifications': () => someNotices(),
}
const REPLAY: Answers = {
  '/api/v1/monitors/test': () => ({
    from: now() - 86_400, until: now(), firings_left_out: 0, instances: [{ name: 'host.vm.load.1m', fired: 3, self_healed: 1, pages: 2, bad_seconds: 2700, state: 'OK' }], instances_left_out: 0, pages: { ana: 2 }, known_from: now() - 80_000, slots: 86_400,
    doubts: [{ from: now() - 86_400, until: now() - 21_600, step: 10, cannot_tell: false, reason: 'only points of 10s are kept: what is shorter is not seen' }],
    firings: [40_000, 20_000, 4000].map((ago, index) => ({ instance: 'host.vm.load.1m', began: now() - ago, fired: index ? now() - ago + 60 : null, ended: now() - ago + 900, state: index ? 'CRITICAL' : 'WARNING', told: index > 0, text: '', value: 3 })),
  }),
}
const ALL: Answers = {
  ...list(200), ...CHECK, '/api/v1/services': () => someServices(), '/api/v1/availability': () => someAvailability(), '/api/v1/incidents': () => ({ now: now(), open: 2, incidents: someIncidents() }), '/api/v1/incidents/42': () => aWholeIncident(), '/api/v1/incidents/42/moved': () => someMoved(), '/api/v1/incidents/42/earlier': () => someEarlier(), '/api/v1/incidents/42/playbook': () => somePlaybook(), ...REPLAY,
}
const PAGES = {
  list: '/monitors', unfolded: '/monitors?ok=1', unwatched: '/monitors?show=unwatched', check: '/monitors/web1%2Fdisk%20%2Fvar', editor: '/monitors?new=1&q=host.*.load.1m', services: '/services', service: '/services/Uploads', incidents: '/incidents',
  incident: '/incidents/42',
}

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

async function look(path: string, answers: Answers): Promise<Watched> {
  const page = await open(browser, 'about:blank')
  await answer(page, answers)
  await page.goto(server.url(path))
  await page.locator('h1').waitFor()
  return page
}

test('the worst comes first, what is well is one line, and the address tells what is shown', async () => {
  const page = await look('/monitors', list(3000))
  await page.getByRole('heading', { name: /5 monitors are in trouble. The worst: gdrive uploads fail, CRITICAL/ }).waitFor()
  const rows = page.getByRole('row')
  await until('the first rows', async () => (await rows.count()) > 8)
  expect(await rows.nth(1).innerText()).toContain('gdrive uploads fail')
  await page.getByRole('button', { name: /2.992 OK/ }).click()
  await until('what is well in the URL', () => new URL(page.url()).searchParams.get('ok') === '1')
  await page.getByRole('button', { name: /^Noisy/ }).click()
  await until('what is shown in the URL', () => new URL(page.url()).searchParams.get('show') === 'noisy')
  await until('two noisy ones', async () => (await rows.count()) === 3)
  await page.getByPlaceholder(/Find by name/).fill('queue')
  await until('the one that was looked for', async () => (await rows.count()) === 2)
  await until('the word in the URL', () => new URL(page.url()).searchParams.get('find') === 'queue')
  await page.goBack()
  await until('all of them', async () => (await rows.count()) > 20)
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('of ten thousand rows only those in sight exist, and keys walk through all of them', async () => {
  const page = await look('/monitors?ok=1', list(10_000))
  await page.locator('[data-index="0"]').waitFor()
  expect(await page.getByRole('row').count()).toBeLessThan(60)
  const focused = () => page.evaluate(() => document.activeElement?.closest('[data-index]')?.getAttribute('data-index'))
  for (const index of ['0', '1', '2']) {
    await page.keyboard.press('j')
    await until(`row ${index}`, async () => (await focused()) === index)
  }
  await page.keyboard.press('k')
  await until('the row before', async () => (await focused()) === '1')
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
  await page.locator('[data-index="10009"]').waitFor()
  expect(await page.getByRole('row').count()).toBeLessThan(60)
  await page.evaluate(() => scrollTo(0, 0))
  await page.locator('[data-index="1"] a').focus()
  await page.keyboard.press('Enter')
  await until('its page', () => new URL(page.url()).pathname.startsWith('/monitors/'))
  await page.context().close()
})

test('nothing is watched: what this is, the next step, and something to copy', async () => {
  const page = await look('/monitors', { '/api/v1/monitors': () => ({ now: now(), monitors: [] }) })
  await page.getByRole('heading', { name: 'Nothing is watched yet.' }).waitFor()
  await page.getByRole('button', { name: 'A website' }).click()
  expect(await page.locator('pre').innerText()).toContain('type = "http"')
  // What arrives is there to be watched.
  await page.getByRole('heading', { name: 'Arriving, but unwatched' }).waitFor()
  await page.getByRole('link', { name: 'Watch vm', exact: false }).or(page.getByRole('link', { name: /^Watch/ })).first().click()
  await page.getByRole('heading', { name: 'New monitor' }).waitFor()
  expect(await page.getByLabel('Target').inputValue()).toMatch(/^host\./)
  await page.context().close()
})

test('when the server is away the last list stays, marked; when there is none, it is said', async () => {
  const page = await look('/monitors', list(20))
  await page.getByText('gdrive uploads fail').first().waitFor()
  await page.route('**/api/v1/monitors', (route) => route.abort())
  await page.getByText('The monitors cannot be asked at the moment').waitFor()
  expect(await page.getByRole('heading', { name: /Last known:/ }).count()).toBe(1)
  expect(await page.getByText('web1/disk /var/lib/docker').count()).toBe(1)
  await page.context().close()
  const fresh = await look('/monitors', { '/api/v1/monitors': () => null })
  await fresh.getByText('The monitors could not be loaded').first().waitFor()
  await fresh.context().close()
})

test('a check: what it said, word for word; when it is looked at again; who was told; how it is defined', async () => {
  const page = await look(PAGES.check, ALL)
  await page.getByRole('heading', { name: /web1\/disk \/var is CRITICAL for 12/ }).waitFor()
  expect(await page.locator('pre').first().innerText()).toContain('DISK CRITICAL - free space: /var 312 MB (1% inode=98%);\n/var/lib/docker: 12 GB')
  await page.getByText(/next look in \d+/).waitFor()
  await page.getByRole('img', { name: /Well for 80.% of the known time/ }).waitFor()
  await page.getByText('DISK WARNING - free space').waitFor()
  await page.getByText('from /etc/bellwether/conf.d/web.toml:14').waitFor()
  await until('both graphs', async () => (await page.locator('article h3').count()) === 2)
  expect(await page.locator('article h3').allInnerTexts()).toEqual(['/var', 'time'])
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('what people do about it is sent as they said it, and a refusal is told', async () => {
  const page = await look(PAGES.check, ALL)
  const sent: { path: string; body: unknown }[] = []
  let refuse = false
  await page.route(/\/api\/v1\/(checks\/[^/]+\/(ack|run)|downtimes)$/, (route) => {
    sent.push({ path: new URL(route.request().url()).pathname, body: route.request().postDataJSON() })
    return refuse ? route.fulfill({ status: 409, json: { error: 'it is not in trouble any more' } }) : route.fulfill({ status: 204 })
  })
  await page.getByRole('button', { name: 'Run now' }).click()
  await page.getByText('It is being run').waitFor()
  await page.getByRole('button', { name: 'I have it' }).click()
  await page.getByText('Everybody sees that you have it').waitFor()
  await page.getByRole('textbox', { name: 'Comment' }).fill('on my way')
  await page.locator('form').getByRole('button', { name: 'I have it' }).click()
  await page.getByText('You have it').waitFor()
  await page.getByRole('button', { name: 'Plan downtime' }).click()
  await page.getByLabel('For how long').fill('soon')
  await page.getByText('A length of time is needed').waitFor()
  await page.getByLabel('For how long').fill('90min')
  await page.getByRole('textbox', { name: 'Comment' }).fill('new disk')
  refuse = true
  await page.locator('form').getByRole('button', { name: 'Plan downtime' }).click()
  await page.getByText('it is not in trouble any more').waitFor()
  expect(sent.map(({ path }) => path.replace(/.*\/v1/, ''))).toEqual(['/checks/web1%2Fdisk%20%2Fvar/run', '/checks/web1%2Fdisk%20%2Fvar/ack', '/downtimes'])
  expect(sent[1].body).toEqual({ sticky: true, notify: true, comment: 'on my way' })
  const { start, end, ...rest } = sent[2].body as { start: number; end: number }
  expect([Math.round(end - start), rest]).toEqual([5400, { check: 'web1/disk /var', fixed: true, comment: 'new disk' }])
  await page.context().close()
})

test('whoever may only look sees the buttons, switched off, and why', async () => {
  const page = await look(PAGES.check, { ...ALL, ...actingAs('viewer') })
  const button = page.getByRole('button', { name: 'I have it' })
  await button.waitFor()
  expect(await button.isDisabled()).toBe(true)
  expect(await button.getAttribute('title')).toContain('responder')
  await page.getByText('You may look, but not do this').first().waitFor()
  await page.context().close()
  const editor = await look(PAGES.editor, { ...ALL, ...actingAs('responder') })
  await editor.getByLabel('Critical: when').selectOption('above')
  await editor.getByLabel('Name', { exact: true }).fill('x')
  await until('why it cannot be kept', async () => (await editor.getByRole('button', { name: 'Save' }).getAttribute('title'))?.includes('editor') ?? false)
  await editor.context().close()
})

test('editor: a sentence becomes a condition, the line on the graph is the threshold, and it is tried while it is written', async () => {
  const page = await look('/monitors?new=1&from=-5min&to=now&q=host.*.load.1m', REPLAY)
  await page.getByText(/Still missing:/).waitFor()
  await page.getByLabel('Critical: when').selectOption('above')
  await page.getByLabel('Value').fill('2')
  await page.getByLabel('Value').blur()
  await page.getByText('It would have fired 3 times and told somebody 2 times.').waitFor()
  const line = page.getByRole('slider', { name: 'Critical threshold' })
  await line.waitFor()
  expect(await line.getAttribute('aria-valuenow')).toBe('2')
  const box = await boxOf(line)
  await page.mouse.move(box.x + 200, box.y + 12)
  await page.mouse.down()
  await page.mouse.move(box.x + 200, box.y + 60, { steps: 4 })
  await page.mouse.up()
  const dragged = Number(await page.getByLabel('Value').inputValue())
  expect(dragged).toBeLessThan(2)
  await line.press('ArrowUp')
  expect(Number(await page.getByLabel('Value').inputValue())).toBeGreaterThan(dragged)
  await page.getByRole('button', { name: 'Calmer' }).click()
  await page.getByLabel('Name', { exact: true }).fill('load is high')
  await page.getByText('As it would stand in a file').click()
  expect(await page.locator('details pre').innerText()).toMatch(/^\[\[monitor\]\]\nname = "load is high"\nkind = "metric"\ntarget = "host\.\*\.load\.1m"\ncritical = "> -?[\d.]+"\nfor = "1min"/)
  // What a sentence cannot say stays text.
  await page.getByRole('button', { name: 'As text' }).first().click()
  await page.getByLabel('Critical as text').fill('> 3 and avg over 5min > 2')
  expect(await page.locator('details pre').innerText()).toContain('critical = "> 3 and avg over 5min > 2"')
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('services: in what way, since when, and whether it is us or them', async () => {
  const page = await look('/services', ALL)
  await page.getByRole('heading', { name: /Uploads is partly broken for 12.min, and 2 more/ }).waitFor()
  await page.getByText('It is them: Google Drive is in trouble').waitFor()
  await page.getByText('Without an objective: Search.').waitFor()
  await page.getByRole('link', { name: 'Uploads' }).click()
  await page.getByText('nobody looks whether it is fast').waitFor()
  await page.getByText('4 of 6 things watched').first().waitFor()
  await page.getByText('uploads.s3').waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('while something is open, every page says so, and Home begins with it', async () => {
  const page = await look('/', ALL)
  await page.getByRole('heading', { name: /2 things are wrong. The worst: web1\/disk \/var is CRITICAL, since/ }).waitFor()
  await page.getByText('It is us: Search. And them: Google Drive, run by others; Uploads suffers from it.').waitFor()
  await page.goto(server.url('/data'))
  const banner = page.getByRole('link', { name: /web1\/disk \/var is CRITICAL, .*nobody has it/ })
  await banner.click()
  await until('its page', () => new URL(page.url()).pathname === '/incidents/43')
  await page.context().close()
  const calm = await look('/', { '/api/v1/incidents': () => ({ now: now(), open: 0, incidents: [anIncident(1, { phase: 'resolved', closed: now() })] }) })
  await calm.locator('h1 + .proof').waitFor()
  expect(await calm.getByRole('heading', { level: 1 }).innerText()).not.toContain('wrong')
  await calm.context().close()
})

test('an incident: what it looks like, who was reached, what else moved', async () => {
  const page = await look(PAGES.incident, ALL)
  await page.getByRole('heading', { name: 'What it looks like' }).waitFor()
  // The one that is over its threshold first.
  await until('both graphs', async () => (await page.locator('article h3').count()) === 2)
  expect(await page.locator('article h3').allInnerTexts()).toEqual(['/var', 'time'])
  await page.getByText('by chat, not reached, 4 tries').waitFor()
  await page.getByText('410 Gone').waitFor()
  const moved = page.getByRole('region', { name: 'What else moved' }).getByRole('row')
  await until('both that differ', async () => (await moved.count()) === 3)
  expect(await moved.nth(1).innerText()).toMatch(/host\.web1\.disk\.var\.used_bytes\s*has reached its limit of 29\.8.GiB/)
  // It is looked at in the window of the incident, beside what is drawn.
  const address = new URL((await moved.nth(2).getByRole('link').getAttribute('href'))!, server.url())
  expect(address.searchParams.getAll('q')).toEqual(['checks.web1.disk._var_bytes', 'checks.web1.disk.time_seconds', 'stats.uploads.gdrive.completed'])
  expect(address.searchParams.get('from')).toBe('-30min')
  expect(page.wrong).toEqual([])
  await page.context().close()
  // One thing that cannot be asked does not take the others with it.
  const alone = await look(PAGES.incident, { ...ALL, '/api/v1/incidents/42/moved': () => null })
  await alone.getByText('What else moved could not be looked for').waitFor()
  await alone.getByText('rolled back on web1').waitFor()
  await alone.context().close()
})

describe.each(['dark', 'light'] as const)('%s', (colorScheme) => {
  let page: Watched
  beforeAll(async () => {
    page = await open(browser, 'about:blank', { colorScheme })
    await answer(page, ALL)
  })
  afterAll(() => page?.context().close())

  test.each(Object.entries(PAGES))('axe finds nothing on %s', async (name, path) => {
    await next(page, server.url(path))
    await page.locator('.dot.live').waitFor()
    if (name === 'editor') await page.getByLabel('Critical: when').selectOption('above')
    await page.waitForTimeout(500)
    expect(await axe(page)).toEqual([])
    await shot(page, `watched-${name}-${colorScheme}`)
    expect(page.wrong).toEqual([])
  })
})

describe('small', () => {
  let page: Watched
  beforeAll(async () => {
    page = await open(browser, 'about:blank', { colorScheme: 'light' })
    await answer(page, ALL)
  })
  afterAll(() => page?.context().close())

  test.each(Object.entries(PAGES))('%s fits a phone, and a screen enlarged four times', async (name, path) => {
    // Made where there is least room, then widened.
    await page.setViewportSize({ width: 350, height: 225 })
    await next(page, server.url(path))
    for (const viewport of [{ width: 350, height: 225 }, { width: 390, height: 844 }]) {
      await page.setViewportSize(viewport)
      await page.locator('.dot.live').waitFor()
      await page.waitForTimeout(500)
      expect(await sideways(page), JSON.stringify(viewport)).toBeLessThanOrEqual(0)
      if (viewport.width === 390) await shot(page, `watched-${name}-390`, true)
    }
  })
})
