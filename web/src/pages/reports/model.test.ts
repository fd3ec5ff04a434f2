import { expect, test } from 'vitest'
import { attained, isMonth, monthName, monthOf, stepped, subject } from './model.ts'

test('months', () => {
  expect(monthOf(Date.UTC(2026, 9, 31, 23, 30) / 1000, 3600)).toBe('2026-11')
  expect([stepped('2026-01', -1), stepped('2026-12', 1), stepped('2026-05', 1)]).toEqual(['2025-12', '2027-01', '2026-06'])
  expect([isMonth('2026-13'), isMonth('2026-00'), isMonth('2026-10'), isMonth(undefined)]).toEqual([false, false, true, false])
  expect(monthName('2026-10')).toBe('October 2026')
})

test('what was attained is never rounded up', () => {
  expect([attained(100), attained(99.9996), attained(99.95), attained(97.26), attained(null)]).toEqual(['100\u202f%', '99.999\u202f%', '99.95\u202f%', '97.2\u202f%', '–'])
})

test('what a reason is called', () => {
  expect(subject('monitor:api-latency')).toEqual({ name: 'api-latency', item: 'api-latency' })
  expect(subject('host:web1')).toEqual({ name: 'web1', item: 'host:web1' })
  expect(subject('channel:mail')).toEqual({ name: 'channel:mail', item: null })
})
