import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { GraphSeries } from '../api/types.ts'
import { Feed } from './feed.ts'
import type { Link, Subscriber } from './link.ts'

let subscriber: Subscriber
const link = { lostAt: null, subscribe: (one: Subscriber) => ((subscriber = one), () => {}) } as unknown as Link
const ask = vi.fn()

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 })
  vi.stubGlobal('requestAnimationFrame', () => 0)
  vi.stubGlobal('fetch', ask)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  ask.mockReset()
})

async function feedOf(series: Partial<GraphSeries>) {
  const results = [{ target: 'a', error: null, series: [{ name: 'a', tags: {}, step: 1, start: 990, every: 1, values: [1, 2, 3], ...series }] }]
  ask.mockImplementation(async () => new Response(JSON.stringify({ now: 1000, from: 400, until: 1000, results, annotations: [] }), { headers: { 'content-type': 'application/json' } }))
  const feed = new Feed(link, { targets: ['a'], span: { from: '-10min', to: 'now' }, width: 300 })
  await vi.waitFor(() => expect(feed.state).toBe('ready'))
  return feed
}
const stream = (step: number) => subscriber.series({ target: 'a', series: [{ id: 7, name: 'a', tags: {}, step }], error: null })

test('slots of the stream go on where history ends', async () => {
  const feed = await feedOf({})
  stream(1)
  subscriber.row(7, 993, [4, 5])
  expect(feed.lines[0].values).toEqual([1, 2, 3, 4, 5])
  feed.stop()
})

test('slots finer than what is shown are not taken for columns: the window is asked anew as its columns fill', async () => {
  const feed = await feedOf({ step: 60, start: 840 })
  stream(1)
  subscriber.row(7, 996, [9, 9, 9, 9])
  expect(feed.lines[0].values).toEqual([1, 2, 3])
  expect(ask).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(61_000)
  expect(ask).toHaveBeenCalledTimes(2)
  feed.stop()
})
