import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'

/** The service worker by itself: what it shows of a push, and what a touch does. No push service is asked. */
type Shown = { title: string; options: { body: string; tag?: string; requireInteraction: boolean; data: { open: string; acknowledge: string | null }; actions?: { action: string }[] } }
type Listener = (event: Record<string, unknown>) => void

const ORIGIN = 'https://bell.example'
const SCRIPT = readFileSync(join(import.meta.dirname, '../../../public/sw.js'), 'utf8')

/** `answers`: of the server to a post; null: it cannot be reached. `open`: pages that are open. */
function worker({ answers = true, open = [] as string[] }: { answers?: boolean | null; open?: string[] } = {}) {
  const listeners = new Map<string, Listener>()
  const did = { shown: [] as Shown[], posted: [] as { link: string; body: string; credentials: string }[], opened: [] as string[], focused: [] as string[], closed: 0 }
  const self = {
    location: new URL(`${ORIGIN}/sw.js`),
    addEventListener: (name: string, listener: Listener) => listeners.set(name, listener),
    skipWaiting: () => {},
    registration: { showNotification: async (title: string, options: Shown['options']) => void did.shown.push({ title, options }) },
    clients: { claim: async () => {}, matchAll: async () => open.map((url) => ({ url, focus: () => did.focused.push(url) })), openWindow: async (url: string) => void did.opened.push(url) },
  }
  const fetch = async (link: string, { body, credentials }: { body: URLSearchParams; credentials: string }) => {
    did.posted.push({ link, body: String(body), credentials })
    if (answers === null) throw new TypeError('no network')
    return { ok: answers }
  }
  runInNewContext(SCRIPT, { self, fetch, URL, URLSearchParams, Boolean })
  const tell = async (name: string, event: Record<string, unknown>) => {
    const waited: Promise<unknown>[] = []
    listeners.get(name)!({ ...event, waitUntil: (one: Promise<unknown>) => waited.push(one) })
    await Promise.all(waited)
  }
  const touch = (data: Shown['options']['data'], action = '') => tell('notificationclick', { action, notification: { title: 'disk is full', tag: 'incident-7', data, close: () => did.closed++ } })
  return { did, touch, push: (said: unknown) => tell('push', { data: said === null ? null : { json: () => said } }) }
}

const LINK = { open: '/incidents/7', acknowledge: `${ORIGIN}/a/token` }

test('a push is shown with its button, stays while it is urgent, and takes the place of the one before it', async () => {
  const { did, push } = worker()
  await push({ title: 'disk is full', body: 'on web1', tag: 'incident-7', urgent: true, ...LINK })
  expect(did.shown[0]).toMatchObject({ title: 'disk is full', options: { body: 'on web1', tag: 'incident-7', renotify: true, requireInteraction: true, data: LINK, actions: [{ action: 'acknowledge' }] } })
  await push({ title: 'it is over', body: '', open: '/incidents/7' })
  expect(did.shown[1].options).toMatchObject({ renotify: false, requireInteraction: false, data: { acknowledge: null }, actions: [] })
  await push(null)
  expect(did.shown[2]).toMatchObject({ title: 'Bellwether', options: { data: { open: '/incidents' } } })
})

test('one tap acknowledges, without cookies and without opening anything', async () => {
  const { did, touch } = worker()
  await touch(LINK, 'acknowledge')
  expect(did.posted).toEqual([{ link: LINK.acknowledge, body: 'do=acknowledge', credentials: 'omit' }])
  expect([did.closed, did.opened, did.shown]).toEqual([1, [], []])
})

test.each([['refused', false], ['not reached', null]] as const)('what could not be acknowledged is said, and leads to where it can be: %s', async (_, answers) => {
  const { did, touch } = worker({ answers })
  await touch(LINK, 'acknowledge')
  expect(did.shown[0]).toMatchObject({ title: 'Not acknowledged: disk is full', options: { tag: 'incident-7', requireInteraction: true, data: { open: LINK.acknowledge, acknowledge: null } } })
})

test('a touch opens the incident, or the page that shows it already; never another server', async () => {
  const fresh = worker()
  await fresh.touch(LINK)
  expect([fresh.did.opened, fresh.did.posted]).toEqual([[`${ORIGIN}/incidents/7`], []])
  const there = worker({ open: [`${ORIGIN}/`, `${ORIGIN}/incidents/7`] })
  await there.touch(LINK)
  expect([there.did.focused, there.did.opened]).toEqual([[`${ORIGIN}/incidents/7`], []])
  const elsewhere = worker()
  await elsewhere.touch({ open: 'https://evil.example/', acknowledge: null })
  expect([elsewhere.did.opened, elsewhere.did.focused]).toEqual([[], []])
})
