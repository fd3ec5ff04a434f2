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

/** What a small team would watch of it. */
const WATCHED = `
[[monitor]]
name = "uploads fail"
target = "stats.uploads.*.failed"
critical = "> 200"
[[monitor]]
name = "checkout is slow"
target = "stats.timers.view.checkout.upper_90"
critical = "> 2000"
[[monitor]]
name = "disk almost full"
target = "host.*.disk.*.used_percent"
critical = "> 99.9"
[[check]]
name = "payment provider"
type = "passive"
[[service]]
name = "Shop"
owner = "web"
objective = "99.9 % over 30d"
series = ["orders", "payments", "view"]
dependencies = ["Payments"]
latency = ["checkout is slow"]
[[service]]
name = "Uploads"
owner = "web"
objective = "99.5 % over 30d"
series = ["uploads"]
function = ["uploads fail"]
[[service]]
name = "Payments"
external = true
availability = ["payment provider"]
`

/** `UPDATE_SCREENSHOTS=1 npm run test:browser -- readme` writes docs/home.png anew. Look at it before it is committed. */
test('the picture of the README: Home, with a site that is alive', async () => {
  const [browser, server] = [await launch(), await Server.start(WATCHED)]
  const rest = busy(server)
  const said = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"status": 0, "output": "all systems operational"}' }
  expect((await fetch(server.url('/api/v1/checks/payment%20provider/result'), said)).status).toBe(200)
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
