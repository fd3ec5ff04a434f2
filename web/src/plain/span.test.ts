import { expect, test } from 'vitest'
import { compactOffset, instant, isLive, live, offsetSeconds, shifted, understood, windowOf, zoomed } from './span.ts'

const NOW = 1_700_000_000

test.each([
  ['5min', 300],
  ['1h30min', 5400],
  ['90s', 90],
  ['2 weeks', 1_209_600],
  ['1mon', 2_592_000],
  ['5m', null],
  ['', null],
  ['h', null],
])('offset %s', (text, wanted) => expect(offsetSeconds(text)).toBe(wanted))

test.each([
  ['now', NOW],
  ['-1h', NOW - 3600],
  ['now-1h', NOW - 3600],
  ['+1min', NOW + 60],
  ['1699990000', 1_699_990_000],
  ['yesterday', null],
  ['-1x', null],
])('instant %s', (text, wanted) => expect(instant(text, NOW)).toBe(wanted))

test('live means relative and up to now', () => {
  expect(isLive({ from: '-1h', to: 'now' })).toBe(true)
  expect(isLive({ from: '1699990000', to: 'now' })).toBe(false)
  expect(isLive({ from: '-2h', to: '-1h' })).toBe(false)
})

test('what is not understood is the last hour', () => {
  expect(windowOf({ from: 'x', to: 'now' }, NOW)).toEqual({ from: NOW - 3600, to: NOW })
  expect(windowOf({ from: 'now', to: '-1h' }, NOW)).toEqual({ from: NOW - 3600, to: NOW })
  expect(understood({ from: 'now', to: '-1h' })).toBe(false)
  expect(understood({ from: '-1h', to: '-5min' })).toBe(true)
})

test.each([
  [3600, '1h'],
  [5400, '90min'],
  [61, '61s'],
  [604_800, '7d'],
  [1_209_600, '2w'],
])('compact %d', (seconds, wanted) => expect(compactOffset(seconds)).toBe(wanted))

test('shifting stops at now, live zoom stays live', () => {
  const hour = { from: NOW - 3600, to: NOW }
  expect(shifted(hour, -1, NOW)).toEqual({ from: String(NOW - 5400), to: String(NOW - 1800) })
  expect(shifted(hour, 1, NOW)).toEqual({ from: String(NOW - 3600), to: String(NOW) })
  expect(zoomed({ from: '-1h', to: 'now' }, 'in', NOW)).toEqual({ from: '-30min', to: 'now' })
  expect(zoomed({ from: '-1min', to: 'now' }, 'in', NOW)).toEqual({ from: '-30s', to: 'now' })
  expect(zoomed({ from: String(NOW - 200), to: String(NOW - 100) }, 'out', NOW)).toEqual({ from: String(NOW - 250), to: String(NOW - 50) })
  expect(live(hour)).toEqual({ from: '-1h', to: 'now' })
})
