import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import type { Browser, CDPSession } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launch, open, OUT, shot } from '../support/browser.ts'
import { attempts, pause, until } from '../support/server.ts'
import { folder } from '../support/statics.ts'

/** The goal is 10 % of a core; the hard limit leaves room for a machine that is busy with other work. */
const HARD_LIMIT = 0.2
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10)
const MB = 1024 * 1024

let browser: Browser
let demos: Awaited<ReturnType<typeof folder>>

beforeAll(async () => {
  const web = resolve(import.meta.dirname, '../..')
  execFileSync('npx', ['vite', 'build'], { cwd: web, env: { ...process.env, DEMOS: '1' }, stdio: 'ignore' })
  demos = await folder(resolve(OUT, 'demos'))
  browser = await launch()
})
afterAll(async () => {
  await browser?.close()
  demos?.close()
})

type Process = { type: string; cpuTime: number }

async function cpu(session: CDPSession): Promise<Record<string, number>> {
  const { processInfo } = (await session.send('SystemInfo.getProcessInfo')) as { processInfo: Process[] }
  const sums: Record<string, number> = {}
  for (const { type, cpuTime } of processInfo) sums[type] = (sums[type] ?? 0) + cpuTime
  return sums
}

test('a hundred live graphs of three series cost little', async () => {
  const page = await open(browser, `${demos.url}/demos/hundred.html`, { viewport: { width: 1600, height: 960 } })
  await until('a hundred graphs', () => page.evaluate(() => document.querySelectorAll('.u-wrap canvas').length === 100))
  const session = await browser.newBrowserCDPSession()
  await pause(4000)
  // Seconds of processor time, not of the clock; but shared caches and a slowed core still count, so the best counts.
  const within = await attempts(4, async () => {
    const before = await cpu(session)
    await pause(SECONDS * 1000)
    const after = await cpu(session)
    const share = (type: string) => ((after[type] ?? 0) - (before[type] ?? 0)) / SECONDS
    const all = Object.keys(after).reduce((sum, type) => sum + share(type), 0)
    console.log(`100 graphs x 3 series at 1 Hz: page ${(share('renderer') * 100).toFixed(1)} %, whole browser ${(all * 100).toFixed(1)} % of a core`)
    return share('renderer') < HARD_LIMIT
  })
  await shot(page, 'hundred')
  expect(page.wrong).toEqual([])
  expect(within).toBe(true)
  await page.context().close()
})

test('its memory stays flat', async () => {
  const page = await open(browser, `${demos.url}/demos/hundred.html?speed=20`, { viewport: { width: 1600, height: 960 } })
  await until('a hundred graphs', () => page.evaluate(() => document.querySelectorAll('.u-wrap canvas').length === 100))
  const session = await page.context().newCDPSession(page)
  const heap = async () => {
    await session.send('HeapProfiler.collectGarbage')
    return ((await session.send('Runtime.getHeapUsage')) as { usedSize: number }).usedSize / MB
  }
  await pause(5000)
  const first = await heap()
  await pause(SECONDS * 1000)
  const last = await heap()
  console.log(`heap after ${SECONDS * 20} more seconds of data: ${first.toFixed(1)} -> ${last.toFixed(1)} MB`)
  expect(last - first).toBeLessThan(5)
  await page.context().close()
})
