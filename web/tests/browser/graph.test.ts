import { readFileSync } from 'node:fs'
import type { Browser, Download, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { axe, launch, open, settled, shot } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

/** What is done with a graph: taken away, compared with earlier, explained, marked with what happened. */
const DAY = 86_400

let browser: Browser
let server: Server
let now: number

beforeAll(async () => {
  browser = await launch()
  server = await Server.start()
  now = Math.floor(Date.now() / 1000)
  const lines: string[] = []
  // Twice as much as yesterday; ten days ago nothing but a hundred.
  for (let at = now - 300; at <= now; at++) for (const [index, name] of ['a', 'b'].entries()) lines.push(`site.${name}.requests ${20 * (index + 1)} ${at}`)
  for (let at = now - DAY - 300; at <= now - DAY; at += 10) for (const [index, name] of ['a', 'b'].entries()) lines.push(`site.${name}.requests ${10 * (index + 1)} ${at - (at % 10)}`)
  for (let at = now - 10 * DAY - 600; at <= now - 10 * DAY + 600; at += 60) lines.push(`site.a.requests 100 ${at - (at % 60)}`)
  await server.carbon(lines.join('\n') + '\n')
  await server.known('site.a.requests')
})
afterAll(async () => {
  await browser?.close()
  await server?.stop()
})

const fixed = (query: string) => server.url(`/explore?from=${now - 290}&to=${now - 1}&${query}`)
const more = (page: Page, key: string) => new URL(page.url()).searchParams.get(key)

async function saved(page: Page, what: string): Promise<{ file: Download; bytes: Buffer }> {
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: what }).click()])
  return { file, bytes: readFileSync(await file.path()) }
}

/**
 * Width, height, the colour of the upper left corner, and how many pixels have a colour, of a picture's bytes. A line that
 * lies between two rows of pixels colours both in part: a third of the way from the corner's colour counts.
 */
function looked(page: Page, bytes: Buffer, type: string, wanted: string) {
  return page.evaluate(
    async ([base64, type, wanted]) => {
      const picture = new Image()
      picture.src = `data:${type};base64,${base64}`
      await picture.decode()
      const canvas = document.createElement('canvas')
      ;[canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight]
      const pen = canvas.getContext('2d')!
      pen.drawImage(picture, 0, 0)
      const { data } = pen.getImageData(0, 0, canvas.width, canvas.height)
      const hex = (at: number) => [0, 1, 2].map((part) => data[at + part].toString(16).padStart(2, '0')).join('')
      const full = [0, 2, 4].map((from) => parseInt(wanted.slice(from, from + 2), 16))
      const ground = [data[0], data[1], data[2]]
      // Red differs from the ground in both themes, so it tells the share; the other two must then follow.
      const share = (at: number) => (data[at] - ground[0]) / (full[0] - ground[0])
      const blended = (at: number) =>
        share(at) > 0.33 && full.every((part, i) => Math.abs(ground[i] + share(at) * (part - ground[i]) - data[at + i]) <= 4)
      let count = 0
      for (let at = 0; at < data.length; at += 4) if (blended(at)) count++
      return { width: canvas.width, height: canvas.height, corner: hex(0), count }
    },
    [bytes.toString('base64'), type, wanted] as const,
  )
}

test.each(['dark', 'light'] as const)('PNG and SVG show this window in the colours of the page (%s)', async (colorScheme) => {
  const page = await open(browser, fixed('q=site.*.requests&vs=1d'), { colorScheme, acceptDownloads: true })
  await settled(page)
  const blue = colorScheme === 'dark' ? '619efb' : '2f66c4'
  const surface = colorScheme === 'dark' ? '15181d' : 'ffffff'
  const png = await saved(page, 'Picture (PNG)')
  expect(png.file.suggestedFilename()).toMatch(/^site\.-\.requests-[\dT-]+Z\.png$/)
  const { width, height, corner, count } = await looked(page, png.bytes, 'image/png', blue)
  expect(width).toBeGreaterThan(600)
  expect(height).toBe(400)
  expect(corner).toBe(surface)
  // A line over the whole width, another dashed, and the legend.
  expect(count).toBeGreaterThan(width / 2)
  const svg = await saved(page, 'Drawing (SVG)')
  expect(svg.bytes.toString()).toContain('site.b.requests, a day earlier')
  expect((await looked(page, svg.bytes, 'image/svg+xml', blue)).width).toBe(width)
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('CSV and JSON hold every stored point of what is shown, the overlay included; isolated lines go alone', async () => {
  const page = await open(browser, fixed('q=site.*.requests&vs=1d'), { acceptDownloads: true })
  await settled(page)
  const csv = (await saved(page, 'Table (CSV)')).bytes.toString()
  const rows = csv.trim().split(/\r?\n/)
  const of = (name: string, value: string) => rows.filter((row) => row.startsWith(name) && row.endsWith(`,${value}`)).length
  expect(of('site.a.requests,', '20.0')).toBe(289)
  expect(of('site.b.requests,', '40.0')).toBe(289)
  expect(rows.some((row) => /timeShift\(site\.b\.requests/.test(row) && row.endsWith(',20.0'))).toBe(true)
  await page.locator('[role=row]', { hasText: 'site.b.requests' }).getByRole('button').click()
  await until('isolation', () => more(page, 'only') === 'site.b.requests')
  const json = JSON.parse((await saved(page, 'Points (JSON)')).bytes.toString()) as { target: string; datapoints: [number, number][] }[]
  expect(json.map(({ target }) => target)).toEqual(['site.b.requests', expect.stringContaining('timeShift(site.b.requests')])
  expect(json[0].datapoints[0][0]).toBe(40)
  await page.context().close()
})

test('a link shows the same picture; with too many targets there is none, but downloads go on', async () => {
  const page = await open(browser, fixed('q=site.a.requests'), { acceptDownloads: true, permissions: ['clipboard-read', 'clipboard-write'] })
  await settled(page)
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  expect(await axe(page, 'main [role=dialog]')).toEqual([])
  await shot(page, 'export')
  await page.getByRole('button', { name: 'Copy link to this picture' }).click()
  await page.getByText('Link to the picture copied').waitFor()
  const answer = await fetch(await page.evaluate(() => navigator.clipboard.readText()))
  expect(answer.headers.get('content-type')).toBe('image/png')
  const many = Array.from({ length: 60 }, (_, index) => `q=${encodeURIComponent(`alias(site.a.requests,'${'long name '.repeat(14)}${index}')`)}`)
  await page.goto(fixed(many.join('&')))
  await settled(page)
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  await page.getByText(/Downloads work all the same/).waitFor()
  expect(await page.getByRole('button', { name: 'Copy link to this picture' }).count()).toBe(0)
  await page.keyboard.press('Escape')
  const { bytes } = await saved(page, 'Points (JSON)')
  expect(JSON.parse(bytes.toString())).toHaveLength(60)
  await page.context().close()
})

test('what cannot be exported says why, and can be tried again', async () => {
  const page = await open(browser, fixed('q=site.a.requests'), { acceptDownloads: true })
  await settled(page)
  await page.route('**/render', (route) => route.fulfill({ status: 503, body: 'too many queries at once' }))
  await page.getByRole('button', { name: 'Export', exact: true }).click()
  await page.getByRole('button', { name: 'Table (CSV)' }).press('Enter')
  await page.getByText(/The server answered 503\. too many queries at once/).waitFor()
  await page.unroute('**/render')
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Try again' }).click()])
  expect(file.suggestedFilename()).toMatch(/\.csv$/)
  await page.context().close()
})

test('the same time earlier: change in percent, any length of time, also live', async () => {
  const page = await open(browser, fixed('q=site.*.requests'))
  await settled(page)
  await page.getByLabel('Compare with').selectOption('1d')
  const row = page.locator('.legend [role=row]', { hasText: 'site.a.requests' })
  await row.getByText('+100\u202f%').waitFor()
  await page.getByLabel('Compare with').selectOption('another time…')
  await page.getByLabel('How much earlier').fill('a fortnight')
  await page.keyboard.press('Enter')
  await page.getByText('A length of time is needed').waitFor()
  await page.getByLabel('How much earlier').fill('10d')
  await page.keyboard.press('Enter')
  await until('ten days in the URL', () => more(page, 'vs') === '10d')
  await page.getByText('vs. 10d before').waitFor()
  await row.getByText('−80\u202f%').waitFor()
  await shot(page, 'overlay')
  // Live: the echo comes along with the stream's lines.
  await page.goto(server.url('/explore?from=-5min&to=now&q=site.a.requests&vs=1d'))
  await settled(page)
  await row.getByText('+100\u202f%').waitFor()
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('an answer explains itself: one key, a sentence with the slow part, each function, each archive', async () => {
  const page = await open(browser, fixed('q=alias(movingAverage(site.*.requests,5),%27x%27)'))
  await settled(page)
  await page.locator('h1').click()
  await page.keyboard.press('e')
  await page.getByText(/series from 1s:6h.*points, .*[mµ]s/).waitFor()
  const steps = page.getByRole('table', { name: /Functions/ })
  expect(await steps.getByRole('row').count()).toBeGreaterThan(3)
  await steps.getByRole('row', { name: /movingAverage/ }).waitFor()
  await page.getByRole('table', { name: /Paths/ }).getByText('1s:6h (2)').first().waitFor()
  await until('how in the URL', () => more(page, 'how') === '1')
  expect(await axe(page)).toEqual([])
  await shot(page, 'how')
  await page.route('**/api/v1/explain', (route) => route.abort())
  await page.getByRole('button', { name: 'Ask again' }).click()
  await page.getByText('How it was made could not be asked').waitFor()
  await page.keyboard.press('e')
  await page.getByRole('heading', { name: 'How this was made' }).waitFor({ state: 'detached' })
  await page.context().close()
})

test('events: marked, told at the mark and below, by tag, by keyboard', async () => {
  const post = (what: string, tags: string, at: number, data = '') => fetch(server.url('/events/'), { method: 'POST', body: JSON.stringify({ what, tags, when: at, data }) })
  await post('web@2.0.0 deployed', 'deploy web', now - 200, 'by ana')
  await post('new search on', 'flag', now - 100)
  const page = await open(browser, fixed('q=site.a.requests'))
  await settled(page)
  const events = page.getByRole('region', { name: 'Events' })
  await events.getByText('2 events in this window').waitFor()
  // Reached by keyboard, an event points at its mark; the cursor of the graph tells it.
  await events.getByRole('button', { name: /web@2\.0\.0 deployed/ }).focus()
  await page.locator('.reader .mark', { hasText: 'web@2.0.0 deployed' }).waitFor()
  expect(await page.getByRole('slider').getAttribute('aria-valuetext')).toContain('web@2.0.0 deployed')
  await shot(page, 'events')
  await events.getByRole('button', { name: /^flag/ }).click()
  await until('the tag in the URL', () => more(page, 'events') === 'flag')
  await events.getByText('1 not marked').waitFor()
  expect(await events.getByRole('listitem').count()).toBe(1)
  await events.getByRole('button', { name: 'None' }).click()
  await until('none', () => more(page, 'events') === '')
  expect(await events.getByRole('listitem').count()).toBe(0)
  await events.getByRole('button', { name: 'All' }).click()
  await until('all', () => more(page, 'events') === null)
  expect(await axe(page)).toEqual([])
  expect(page.wrong).toEqual([])
  await page.context().close()
})
