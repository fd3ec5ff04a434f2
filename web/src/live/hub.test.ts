import { expect, test } from 'vitest'
import { Hub, type World } from './hub.ts'
import { SILENCE_MS, type ToPage } from './protocol.ts'

class FakeSource extends EventTarget {
  closed = false
  close() {
    this.closed = true
  }
  say(kind: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }))
  }
}

function setUp() {
  let now = 1000
  const sources: FakeSource[] = []
  const puts: { url: string; body: unknown }[] = []
  const delayed: (() => void)[] = []
  const status = { answer: 200 }
  const world: World = {
    open: () => {
      const source = new FakeSource()
      sources.push(source)
      return source as unknown as EventSource
    },
    put: async (url, body) => {
      puts.push({ url, body })
      return status.answer
    },
    now: () => now,
    later: (run) => delayed.push(run),
  }
  const hub = new Hub(world)
  const join = (key: string) => {
    const told: ToPage[] = []
    hub.join(key, (message) => told.push(message))
    return told
  }
  const links = (told: ToPage[]) => told.flatMap((m) => (m.tell === 'link' ? [m.link.state] : []))
  return { hub, sources, puts, delayed, status, join, links, pass: (ms: number) => (now += ms) }
}

const settle = () => new Promise((resolve) => setTimeout(resolve))
const row = { now: 1, ids: [1, 2], starts: [5, 5], values: [[1], [2]] }

test('one stream serves all pages with the union of what they want', async () => {
  const { hub, sources, puts, join } = setUp()
  const [a, b] = [join('a'), join('b')]
  hub.hear('a', { ask: 'want', targets: ['x', 'y'] })
  hub.hear('b', { ask: 'want', targets: ['y', 'z'] })
  expect(sources).toHaveLength(1)
  sources[0].say('hello', { stream: 's1', build: 'one' })
  await settle()
  expect(puts).toEqual([{ url: '/api/v1/streams/s1', body: { targets: ['x', 'y', 'z'] } }])
  sources[0].say('series', { target: 0, text: 'x', series: [{ id: 1, name: 'x', tags: {}, step: 1 }], error: null })
  sources[0].say('series', { target: 2, series: [{ id: 2, name: 'z', tags: {}, step: 1 }], error: null })
  sources[0].say('points', row)
  const points = (told: ToPage[]) => told.flatMap((m) => (m.tell === 'points' ? [m.event.ids] : []))
  expect(points(a)).toEqual([[1]])
  expect(points(b)).toEqual([[2]])
})

test('a page that joins later is told at once what is known', async () => {
  const { hub, sources, join } = setUp()
  join('a')
  hub.hear('a', { ask: 'want', targets: ['x'] })
  sources[0].say('hello', { stream: 's1', build: 'one' })
  sources[0].say('state', { health: 'ok', read_only: null })
  await settle()
  sources[0].say('series', { target: 0, text: 'x', series: [{ id: 1, name: 'x', tags: {}, step: 1 }], error: null })
  const b = join('b')
  hub.hear('b', { ask: 'want', targets: ['x'] })
  expect(b.map((m) => m.tell)).toEqual(['link', 'state', 'series'])
})

test('silence is a loss, dated from the last thing heard; the next hello mends it', async () => {
  const { hub, sources, delayed, puts, join, links, pass } = setUp()
  const told = join('a')
  hub.hear('a', { ask: 'want', targets: ['x'] })
  sources[0].say('hello', { stream: 's1', build: 'one' })
  await settle()
  pass(SILENCE_MS + 1)
  hub.tick()
  expect(links(told)).toEqual(['connecting', 'live', 'lost'])
  expect(told.findLast((m) => m.tell === 'link')?.link.since).toBe(1000)
  expect(sources[0].closed).toBe(true)
  delayed.forEach((run) => run())
  sources[1].say('hello', { stream: 's2', build: 'two' })
  await settle()
  expect(links(told).at(-1)).toBe('live')
  expect(puts.at(-1)?.url).toBe('/api/v1/streams/s2')
})

test('a stream that the server forgot is opened anew', async () => {
  const { hub, sources, status, join } = setUp()
  join('a')
  sources[0].say('hello', { stream: 's1', build: 'one' })
  status.answer = 404
  hub.hear('a', { ask: 'want', targets: ['x'] })
  await settle()
  expect(sources).toHaveLength(2)
})

test('the last page that leaves closes the stream', () => {
  const { hub, sources, join } = setUp()
  join('a')
  join('b')
  hub.leave('a')
  expect(sources[0].closed).toBe(false)
  hub.hear('b', { ask: 'bye' })
  expect(sources[0].closed).toBe(true)
})

test('errors are told of apart from other changes', () => {
  const { sources, join } = setUp()
  const told = join('a')
  sources[0].say('hello', { stream: 's1', build: 'one' })
  sources[0].say('errors', { new: [7], changed: [] })
  expect(told.map((m) => m.tell)).toEqual(['link', 'link', 'errors'])
  expect(told.at(-1)).toEqual({ tell: 'errors', fresh: 1 })
})
