import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { axe, boxOf, launch, open, picture, settled, shot, sideways } from '../support/browser.ts'
import { Server, until } from '../support/server.ts'

/** Writing targets: completion with a preview, chips and text, ratios, undo. */
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

/** The last second of which there are points. */
let newest = Math.floor(Date.now() / 1000) - 300

/** Five minutes of points, up to now: each test finds them in its last five minutes. */
beforeEach(async () => {
  const now = Math.floor(Date.now() / 1000)
  const lines: string[] = []
  for (let at = newest + 1; at <= now; at++) {
    for (const [index, name] of ['box', 'dropbox', 'gdrive'].entries()) {
      // The shares of the last second differ, whenever this runs.
      lines.push(`up.${name}.failed ${index + ((now - at) % 5)} ${at}`, `up.${name}.completed ${10 * (index + 1)} ${at}`)
    }
    for (const dc of ['ams', 'fra']) lines.push(`requests;dc=${dc} ${at % 9} ${at}`)
  }
  await server.carbon(lines.join('\n') + '\n')
  newest = now
  await server.known('up.gdrive.completed')
})

const explore = (query: string) => server.url(`/explore?from=-5min&to=now&${query}`)
const targetOf = (page: Page) => new URL(page.url()).searchParams.get('q')
const shows = (page: Page, target: string) => until(`the target ${target}`, () => targetOf(page) === target)
const inEditor = (page: Page) => page.locator('.cm-content').innerText()

async function write(page: Page, text: string) {
  await page.getByLabel('Target 1', { exact: true }).click()
  await page.locator('.cm-content').waitFor()
  await page.keyboard.press('Control+a')
  await page.keyboard.type(text, { delay: 20 })
}

/** Takes what is chosen: a list that has only just opened does not listen yet. */
async function accepted(page: Page, text: string) {
  await until(text, async () => {
    if (await inEditor(page) === text) return true
    await page.keyboard.press('Enter')
    return false
  })
}

/** Waits until the preview has drawn something that differs from an empty canvas. */
async function drawn(page: Page, selector: string) {
  await until('a preview that shows something', () =>
    page.locator(selector).first().evaluate((node) => {
      const canvas = node as HTMLCanvasElement
      return canvas.width > 0 && canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data.some((part) => part > 0)
    }).catch(() => false),
  )
}

test('a function is completed with help, what it takes, and a preview of what it would make', async () => {
  const page = await open(browser, explore('q=up.*.failed'))
  await settled(page)
  await write(page, 'up.*.failed|mov')
  const list = page.locator('.cm-tooltip-autocomplete')
  await list.getByRole('option', { name: /movingAverage/ }).waitFor()
  await list.getByText('Calculate').waitFor()
  const about = page.locator('.cm-completionInfo')
  await about.getByText('movingAverage(seriesList, windowSize, xFilesFactor=None)').waitFor()
  await about.getByText(/a number of points, or a length of time/).waitFor()
  await about.getByText(/^3 lines/).waitFor()
  await drawn(page, '.cm-completionInfo canvas')
  const average = await picture(page, '.cm-completionInfo canvas')
  await shot(page, 'completion-function')
  await page.keyboard.press('ArrowDown')
  await about.getByText('movingMax(seriesList').waitFor()
  await about.getByText(/^3 lines/).waitFor()
  await until('another picture', async () => (await picture(page, '.cm-completionInfo canvas')) !== average)
  // While somebody chooses, the page keeps what it shows.
  expect(targetOf(page)).toBe('up.*.failed')
  await accepted(page, 'up.*.failed|movingMax()')
  await page.keyboard.type("'1min'")
  await page.keyboard.press('Enter')
  await shows(page, "up.*.failed|movingMax('1min')")
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('arguments offer what they take: node numbers with what they read, ways to combine, tags and their values', async () => {
  const page = await open(browser, explore('q=up.*.failed'))
  await settled(page)
  await write(page, 'groupByNode(up.*.failed, ')
  await page.getByRole('option', { name: /^1.*box, dropbox, gdrive/ }).waitFor()
  await page.keyboard.type('1, ')
  await page.getByRole('option', { name: "'average'" }).first().waitFor()
  await page.keyboard.press('Escape')
  await write(page, "seriesByTag('d")
  await page.getByRole('option', { name: 'dc=' }).waitFor()
  await accepted(page, "seriesByTag('dc=')")
  await page.getByRole('option', { name: 'dc=ams' }).waitFor()
  await page.locator('.cm-completionInfo').getByText(/^one line/).waitFor()
  await page.keyboard.press('ArrowDown')
  await accepted(page, "seriesByTag('dc=fra')")
  await page.context().close()
})

test('what is misspelt is mended by a click; a long target is laid out over lines and back', async () => {
  const page = await open(browser, explore('q=sumSerie(up.*.failed)'))
  await page.getByRole('button', { name: 'Use sumSeries' }).click()
  await shows(page, 'sumSeries(up.*.failed)')
  const long = 'alias(asPercent(sumSeries(up.*.failed), sumSeries(up.*.completed)), \'share of failed uploads\')'
  await page.goto(explore(`q=${encodeURIComponent(long)}`))
  await page.getByRole('button', { name: 'Spread over lines' }).click()
  await until('lines', () => (targetOf(page)?.split('\n').length ?? 0) > 3)
  await page.getByText('share of failed uploads').first().waitFor()
  await page.getByRole('button', { name: 'On one line' }).click()
  await shows(page, long)
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('chips and text are one target: what is changed changes in place, the rest stays to the blank', async () => {
  const written = "alias( movingAverage(up.box.failed,5) , 'x' )"
  const page = await open(browser, explore(`chips=1&q=${encodeURIComponent(written)}`))
  await settled(page)
  const chip = (name: string) => page.getByRole('group', { name, exact: true })
  // Seen as chips and as text again it is what it was.
  await chip('movingAverage').waitFor()
  await page.getByRole('button', { name: 'Text', exact: true }).click()
  await until('the same text', async () => (await page.getByLabel('Target 1', { exact: true }).inputValue()) === written)
  await page.getByRole('button', { name: 'Chips', exact: true }).click()
  // A node: several of them.
  await page.getByRole('button', { name: 'Node 1: box' }).click()
  await page.getByRole('option', { name: 'gdrive' }).locator('.box').click()
  await shows(page, "alias( movingAverage(up.{box,gdrive}.failed,5) , 'x' )")
  await page.keyboard.press('Escape')
  // An argument.
  await page.getByLabel('windowSize of movingAverage').fill('10s')
  await page.keyboard.press('Tab')
  await shows(page, "alias( movingAverage(up.{box,gdrive}.failed,'10s') , 'x' )")
  // The order, by keyboard.
  await chip('alias').getByRole('button', { name: 'alias', exact: true }).press('Alt+ArrowLeft')
  await shows(page, "movingAverage(alias( up.{box,gdrive}.failed , 'x' ),'10s')")
  await page.keyboard.press('Delete')
  await shows(page, "movingAverage(up.{box,gdrive}.failed,'10s')")
  // And back again, step by step.
  await page.locator('h1').click()
  for (const before of ["movingAverage(alias( up.{box,gdrive}.failed , 'x' ),'10s')", "alias( movingAverage(up.{box,gdrive}.failed,'10s') , 'x' )"]) {
    await page.keyboard.press('u')
    await shows(page, before)
  }
  await page.keyboard.press('U')
  await shows(page, "movingAverage(alias( up.{box,gdrive}.failed , 'x' ),'10s')")
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('a chip is dragged by its name; a wrong value is refused with what is needed', async () => {
  const page = await open(browser, explore(`chips=1&q=${encodeURIComponent('up.*.failed|scale(2)|limit(2)')}`))
  await settled(page)
  await page.locator('[data-chip="1"]').dragTo(page.locator('[data-chip="0"]'))
  await shows(page, 'up.*.failed|limit(2)|scale(2)')
  await page.getByLabel('n of limit').fill('many')
  await page.keyboard.press('Tab')
  await page.getByText('A whole number is needed.').waitFor()
  expect(targetOf(page)).toBe('up.*.failed|limit(2)|scale(2)')
  await page.context().close()
})

test('a function is found by what it does, previewed and applied, by keyboard alone', async () => {
  const page = await open(browser, explore('chips=1&q=up.*.failed'))
  await settled(page)
  await page.getByRole('button', { name: 'function', exact: true }).press('Enter')
  await page.getByRole('combobox', { name: /Find a function/ }).waitFor()
  await page.keyboard.type('sumser')
  await page.getByRole('option', { name: /^sumSeries\b/ }).first().waitFor()
  await page.getByText('one line, last').waitFor()
  await drawn(page, '[role=dialog] canvas')
  expect(await axe(page, '[role=dialog]')).toEqual([])
  await shot(page, 'chips-function')
  await page.keyboard.press('Enter')
  await shows(page, 'sumSeries(up.*.failed)')
  await until('the focus on the new chip', () => page.evaluate(() => document.activeElement?.textContent === 'sumSeries'))
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('from a wildcard to a failure rate for each provider in two clicks', async () => {
  const page = await open(browser, explore('chips=1&q=up.*.failed'))
  await settled(page)
  await page.getByRole('button', { name: '% of…' }).click()
  await page.getByRole('button', { name: 'completed, each of its own' }).click()
  await shows(page, 'asPercent(up.*.failed, up.*.completed, 1)')
  // One line for each, in percent, and told apart by what differs.
  await page.getByText(/^3 lines\. Highest now .*%, lowest/).waitFor()
  expect(await page.locator('.legend .rows [role=row]').count()).toBe(3)
  // The total has chips of its own.
  await page.getByRole('group', { name: 'total of asPercent:' }).getByRole('button', { name: 'Node 2: completed' }).waitFor()
  expect(await axe(page)).toEqual([])
  await shot(page, 'chips-ratio')
  expect(page.wrong).toEqual([])
  await page.context().close()
})

test('what chips cannot express stays text, and says where', async () => {
  const page = await open(browser, explore(`chips=1&q=${encodeURIComponent('scale(up.box.failed, 2')}`))
  await page.getByText('This stays text: a comma or a closing parenthesis is missing at character 23.').waitFor()
  expect(targetOf(page)).toBe('scale(up.box.failed, 2')
  await page.getByRole('button', { name: 'Text', exact: true }).click()
  await until('the text', async () => (await page.getByLabel('Target 1', { exact: true }).inputValue()) === 'scale(up.box.failed, 2')
  await page.context().close()
})

test('among chips a new target is written as text, and becomes chips when it is whole', async () => {
  const page = await open(browser, explore('chips=1&q=up.box.failed'))
  await settled(page)
  await page.getByRole('button', { name: 'Add target' }).click()
  await page.locator('.cm-content').waitFor()
  await page.keyboard.type('up.box.completed', { delay: 20 })
  // Longer than the pause after which text alone would be shown.
  await page.waitForTimeout(1200)
  expect(new URL(page.url()).searchParams.getAll('q')).toHaveLength(1)
  await page.keyboard.press('Escape')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Node 2: completed' }).waitFor()
  expect(new URL(page.url()).searchParams.getAll('q')).toEqual(['up.box.failed', 'up.box.completed'])
  await page.context().close()
})

test('menus stay inside a phone, also enlarged', async () => {
  for (const viewport of [{ width: 390, height: 844 }, { width: 350, height: 640 }]) {
    const page = await open(browser, explore('chips=1&how=1&q=asPercent(up.*.failed,up.*.completed,1)'), { viewport, hasTouch: true })
    await settled(page)
    for (const name of ['function', '% of…', 'Node 1: *', 'Export']) {
      await page.getByRole('button', { name, exact: true }).first().click()
      const box = await boxOf(page.locator('main [role=dialog]'))
      expect(box.x, name).toBeGreaterThanOrEqual(0)
      expect(box.x + box.width, name).toBeLessThanOrEqual(viewport.width)
      expect(await sideways(page), name).toBeLessThanOrEqual(0)
      await shot(page, `phone-${name.replace(/\W+/g, '')}-${viewport.width}`)
      await page.keyboard.press('Escape')
      await page.locator('main [role=dialog]').waitFor({ state: 'detached' })
    }
    await page.context().close()
  }
})

test('without the list of functions the text still works, and the page says so', async () => {
  const page = await open(browser, server.url('/data'))
  await page.route('**/functions', (route) => route.abort())
  await page.goto(explore('chips=1&q=up.*.failed'))
  await page.getByText('The list of functions could not be loaded').waitFor()
  await page.locator('.u-wrap canvas').waitFor()
  await page.context().close()
})
