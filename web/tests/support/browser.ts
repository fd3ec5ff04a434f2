/** Chromium, and pages that remember whatever went wrong on them. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import AxeBuilder from 'axe-core'
import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page } from 'playwright-core'
import { until } from './server.ts'

export const OUT = join(import.meta.dirname, '../out')
mkdirSync(OUT, { recursive: true })

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
]

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS })
}

export type Watched = Page & { wrong: string[]; foreign: string[] }

/** A busy machine is slow, not wrong. */
export const PATIENCE_MS = 60_000

/** The page has said its sentence, is live, and no graph waits for its first answer. */
export async function settled(page: Page) {
  await page.locator('h1').waitFor()
  await page.locator('.dot.live').waitFor()
  await page.waitForFunction(() => !document.body.innerText.includes('Loading…'))
  // Two beats: what came with the first message is drawn.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
}

/** Where it is. What is just drawn anew has no place for a moment. */
export const boxOf = (what: Locator) => until('a place on the page', () => what.boundingBox())

/** A page at 1400 × 900 in the dark unless told otherwise. `wrong` collects errors of any kind, `foreign` requests to elsewhere. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, colorScheme: 'dark', locale: 'en-GB', ...options })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = Object.assign(await context.newPage(), { wrong: [] as string[], foreign: [] as string[] })
  page.on('pageerror', (error) => page.wrong.push(String(error.stack)))
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && page.wrong.push(message.text()))
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    if (/^http/.test(protocol) && host !== new URL(url).host) page.foreign.push(request.url())
  })
  await page.goto(url)
  return page
}

/** On to another place, as if the page had shown none before but for what the browser has loaded: tests that only look share one. */
export async function next(page: Watched, url: string) {
  const forget = () => [localStorage, sessionStorage].forEach((kept) => kept.clear())
  if (page.url().startsWith('http')) await page.evaluate(forget)
  page.wrong.length = page.foreign.length = 0
  await page.goto(url)
}

/** In another theme and size: styles follow at once. */
export async function wear(page: Page, width: number, colorScheme: 'dark' | 'light', height = 900) {
  await page.emulateMedia({ colorScheme })
  await page.setViewportSize({ width, height })
}

type AxeResult = { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }

/** What axe finds, as readable lines, on the page or within a part of it. Scripts are not injected: the policy of the page stays as it is. */
export async function axe(page: Page, within = 'html'): Promise<string[]> {
  if (await page.evaluate('typeof axe === "undefined"')) await page.evaluate(AxeBuilder.source)
  // Of what is fine nothing is told: to name each node that is takes most of the time.
  const { violations } = await page.evaluate<AxeResult>(`axe.run("${within}", { resultTypes: ["violations"], runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] } })`)
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`))
}

export function shot(page: Page, name: string, fullPage = false) {
  return page.screenshot({ path: join(OUT, `${name}.png`), fullPage })
}

/** What a canvas shows, as a text that changes when the picture does. */
export function picture(page: Page, selector: string): Promise<string> {
  return page.locator(selector).first().evaluate((node) => (node as HTMLCanvasElement).toDataURL())
}

/** Wider than the window: something makes people scroll sideways. */
export function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
}
