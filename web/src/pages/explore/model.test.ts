import { expect, test } from 'vitest'
import type { Line, Stats } from '../../plain/lines.ts'
import { asked, change, entries, eventsOf, lookingBack, optionsOf, originals, saying, shownOf, sortedEntries, stylesOf, tagsOf, toggled, unitOf, type Entry } from './model.ts'

const stats = (more: Partial<Stats>): Stats => ({ last: 1, lastAt: 0, min: 0, avg: 1, max: 2, points: 1, ...more })
const entry = (name: string, more: Partial<Stats> = {}, echo: Stats | null = null): Entry => ({ index: 0, name, style: { colour: 0, dash: [] }, stats: stats(more), echo })
const plain = (text: string) => text.replaceAll('\u202f', ' ')

test('the URL says how', () => {
  expect(optionsOf({})).toMatchObject({ earlier: null, log: false, stack: false, only: [], table: false, limits: false })
  expect(optionsOf({ vs: '7d', log: '1', stack: '1', only: 'a\nb', unit: 'ms' })).toMatchObject({ earlier: '7d', log: true, stack: false, only: ['a', 'b'], unit: 'ms' })
  expect(optionsOf({ vs: '28d' }).earlier).toBe('28d')
  for (const vs of ['century', '0d', '900y', 'now']) expect(optionsOf({ vs }).earlier, vs).toBeNull()
  expect(optionsOf({}).events).toBeNull()
  expect(optionsOf({ events: '' }).events).toEqual([])
  expect(optionsOf({ events: 'deploy flag' }).events).toEqual(['deploy', 'flag'])
})

test('the same time earlier, by the clock on the wall', () => {
  const at = (text: string) => Date.parse(text) / 1000
  // In Vienna the clocks went back on 2026-10-25 at 01:00 UTC, forward on 2026-03-29.
  expect(lookingBack('1d', at('2026-10-25T12:00:00Z'), 'local')).toBe('25h')
  expect(lookingBack('7d', at('2026-10-31T12:00:00Z'), 'local')).toBe('169h')
  expect(lookingBack('1d', at('2026-03-29T12:00:00Z'), 'local')).toBe('23h')
  expect(lookingBack('1d', at('2026-10-25T12:00:00Z'), 'utc')).toBe('1d')
  expect(lookingBack('36h', at('2026-10-25T12:00:00Z'), 'local')).toBe('36h')
  expect(lookingBack('28d', at('2026-07-25T12:00:00Z'), 'local')).toBe('4w')
  expect(lookingBack(null, 0, 'utc')).toBeNull()
})

test('events by tag', () => {
  const event = (id: number, tags: string[]) => ({ id, at: id, what: '', tags })
  const all = [event(1, ['deploy', 'web']), event(2, ['flag']), event(3, ['deploy'])]
  expect(tagsOf(all)).toEqual([['deploy', 2], ['flag', 1], ['web', 1]])
  expect(eventsOf(all, null)).toHaveLength(3)
  expect(eventsOf(all, [])).toEqual([])
  expect(eventsOf(all, ['flag', 'web']).map(({ id }) => id)).toEqual([1, 2])
})

test('a comparison asks for each target twice, and echoes find their originals', () => {
  expect(asked(['a.*', 'b'], '1d')).toEqual(['a.*', 'b', "timeShift(a.*,'1d')", "timeShift(b,'1d')"])
  const lines = [{ target: 0 }, { target: 0 }, { target: 1 }, { target: 2 }, { target: 2 }, { target: 3 }]
  expect(originals(lines, 2)).toEqual([null, null, null, 0, 1, 2])
  expect(stylesOf([null, null, 0]).map(({ colour }) => colour)).toEqual([0, 1, 0])
})

test('isolating', () => {
  expect(shownOf(['a', 'b', 'a old'], [null, null, 0], [])).toBeNull()
  expect(shownOf(['a', 'b', 'a old'], [null, null, 0], ['a'])).toEqual([0, 2])
  expect(shownOf(['a'], [null], ['gone'])).toBeNull()
  expect(toggled([], 'a', false)).toEqual(['a'])
  expect(toggled(['a'], 'a', false)).toEqual([])
  expect(toggled(['a'], 'b', true)).toEqual(['a', 'b'])
  expect(toggled(['a', 'b'], 'a', true)).toEqual(['b'])
})

test('units: chosen, told, guessed', () => {
  const lines = [{ name: 'a.bytes', target: 0 }, { name: 'b', target: 1 }]
  expect(unitOf('none', ['ms', 'ms'], lines)).toBeNull()
  expect(unitOf('s', ['ms', 'ms'], lines)).toBe('s')
  expect(unitOf(null, ['ms', 'ms'], lines)).toBe('ms')
  expect(unitOf(null, [null], [lines[0]])).toBe('B')
  expect(unitOf(null, ['ms', null], lines)).toBeNull()
  expect(unitOf(null, [], [])).toBeNull()
})

test('the legend sorts, and what is missing comes last', () => {
  const all = [entry('b', { last: null }), entry('a10', { last: 1 }), entry('a9', { last: 5 })]
  expect(sortedEntries(all, { key: 'last', down: true }).map(({ name }) => name)).toEqual(['a9', 'a10', 'b'])
  expect(sortedEntries(all, { key: 'last', down: false }).map(({ name }) => name)).toEqual(['a10', 'a9', 'b'])
  expect(sortedEntries(all, { key: 'name', down: false }).map(({ name }) => name)).toEqual(['a9', 'a10', 'b'])
})

test('change against then', () => {
  expect(change(entry('a', { avg: 3 }, stats({ avg: 2 })))).toBeCloseTo(0.5)
  expect(change(entry('a', { avg: 3 }, stats({ avg: 0 })))).toBeNull()
  expect(change(entry('a'))).toBeNull()
})

test('echoes are no entries of their own', () => {
  const line = (name: string) => ({ name }) as Line
  const all = entries([line('a'), line('a old')], [null, 0], stylesOf([null, 0]), () => stats({}))
  expect(all).toHaveLength(1)
  expect(all[0].echo).not.toBeNull()
})

test('the first sentence', () => {
  const short = () => 'x'
  expect(saying([], null, short)).toEqual({ kind: 'nothing' })
  expect(saying([entry('a', { last: null })], null, short)).toEqual({ kind: 'silent', name: 'x' })
  expect(saying([entry('a', { last: 3, min: 1, max: 9 })], 'ms', short)).toEqual({ kind: 'one', name: 'x', last: '3\u202fms', min: '1\u202fms', max: '9\u202fms' })
  const many = saying([{ ...entry('a', { last: 3 }), index: 0 }, { ...entry('b', { last: 8 }), index: 1 }], null, (index) => 'ab'[index])
  expect(saying([entry('a', { last: 0 }), entry('b', { last: 0 })], null, short)).toEqual({ kind: 'same', count: 2, value: '0' })
  expect(many).toEqual({ kind: 'many', count: 2, highest: 'b', top: '8', lowest: 'a', bottom: '3' })
  expect(plain('1\u202fms')).toBe('1 ms')
})
