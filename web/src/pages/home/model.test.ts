import { expect, test } from 'vitest'
import type { Group, Source } from '../../api/types.ts'
import { arrivals, levelCounts, nothingOfYourOwn, ofLevel, portOf, sorted, totals, withLevel, wokenOf } from './model.ts'

const source = (more: Partial<Source>): Source => ({ source: 'statsd', points_per_second: 0, series: 0, newest: null, listening: '127.0.0.1:8125', latest: null, regular: true, target: null, ...more })
const group = (prefix: string, level: Group['level']): Group => ({ prefix, title: prefix, level, series: 1, age: 0, targets: [], unit: null })

test('a source that never sent is silent, one that stopped is worth a look, one that was tried once is not', () => {
  const states = arrivals([source({}), source({ newest: 995 }), source({ newest: 900 }), source({ newest: 900, regular: false })], 1000).map(({ state }) => state)
  expect(states).toEqual(['silent', 'ok', 'warning', 'ok'])
})

test('host and own numbers are not numbers of your own', () => {
  const own = source({ source: 'host', series: 18, listening: null, newest: 999 })
  expect(nothingOfYourOwn(arrivals([own, source({})], 1000))).toBe(true)
  expect(nothingOfYourOwn(arrivals([own, source({ series: 1, newest: 999 })], 1000))).toBe(false)
})

test('totals', () => {
  const answer = { arriving: [source({ points_per_second: 2, series: 3 }), source({ points_per_second: 5, series: 7 })] }
  expect(totals(answer as never)).toEqual({ rate: 7, series: 10 })
})

test('levels cut and order the groups', () => {
  const groups = [group('b', 'system'), group('c', 'business'), group('a', 'system')]
  expect(sorted(groups).map(({ prefix }) => prefix)).toEqual(['c', 'a', 'b'])
  expect(ofLevel(groups, 'system')).toHaveLength(2)
  expect(ofLevel(groups, null)).toHaveLength(3)
  expect(levelCounts(groups)).toEqual({ business: 1, feature: 0, system: 2 })
})

test('a level set by hand goes in front and replaces the older one', () => {
  const rules = [{ pattern: 'x.**', level: 'system' as const }, { pattern: 'y.**', level: 'feature' as const }]
  expect(withLevel(rules, 'y', 'business')).toEqual([{ pattern: 'y.**', level: 'business' }, { pattern: 'x.**', level: 'system' }])
})

test.each([
  ['127.0.0.1:9125', { host: '127.0.0.1', port: '9125' }],
  ['[::1]:9125', { host: '::1', port: '9125' }],
  ['0.0.0.0:9125', { host: 'web1', port: '9125' }],
  [null, { host: '127.0.0.1', port: '8125' }],
])('address %s', (address, wanted) => expect(portOf(address, '127.0.0.1:8125', 'web1')).toEqual(wanted))

test.each([
  [[], false, 'Nobody was woken this week'],
  [[], true, 'You were not woken this week'],
  [[['ana', 1]], true, 'You were woken in 1 night this week'],
  [[['ana', 2], ['ben', 1]], false, 'Disturbed nights this week: ana 2, ben 1'],
  [[['a', 4], ['b', 3], ['c', 2], ['d', 1], ['e', 1]], false, 'Disturbed nights this week: a 4, b 3, c 2 and 2 more'],
] as [[string, number][], boolean, string][])('whom pages woke: %j', (woken, own, said) => {
  const people = woken.map(([name, nights]) => ({ name, nights, at_night: nights }))
  expect(wokenOf({ now: 0, days: 7, nights: woken.reduce((sum, [, nights]) => sum + nights, 0), people }, own)).toBe(said)
})
