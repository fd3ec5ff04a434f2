import { copyFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { launch, open, OUT, settled, shot } from '../support/browser.ts'
import { pause, Server } from '../support/server.ts'
import { busy } from '../support/site.ts'

const DOCS = join(import.meta.dirname, '../../../docs')
const wanted = process.env.UPDATE_SCREENSHOTS === '1'
/** Graphs of a new server are as wide as what it has seen: for the README they get some minutes. */
const SECONDS = wanted ? 200 : 3
const MOST_BYTES = 300_000

/** `UPDATE_SCREENSHOTS=1 npm run test:browser -- readme` writes docs/home.png anew. Look at it before it is committed. */
test('the picture of the README: Home, with a site that is alive', async () => {
  const [browser, server] = [await launch(), await Server.start()]
  const rest = busy(server)
  try {
    await pause(SECONDS * 1000)
    const page = await open(browser, server.url(), { viewport: { width: 1400, height: 1240 } })
    await settled(page)
    await page.locator('tr', { hasText: 'orders' }).first().waitFor()
    // As tall as the page: nothing is cut off.
    await page.setViewportSize({ width: 1400, height: await page.evaluate(() => document.documentElement.scrollHeight) })
    await pause(2000)
    await shot(page, 'home')
    expect(page.wrong).toEqual([])
    const picture = join(OUT, 'home.png')
    expect(statSync(picture).size).toBeLessThan(MOST_BYTES)
    if (wanted) copyFileSync(picture, join(DOCS, 'home.png'))
  } finally {
    rest()
    await browser.close()
    await server.stop()
  }
})
