import { expect, test } from 'vitest'
import type { OnCallNow, Shift } from '../../api/oncall.ts'
import { colours, days, first, segments, wall } from './model.ts'

const DAY = 86_400
const shift = (start: number, end: number | null, person: string | null, override: number | null = null): Shift => ({ start, end, person, layer: 0, override, instead_of: null })

test('shifts fill the strip, cut at its ends', () => {
  const cut = segments([shift(-50, 25, 'ana'), shift(25, 50, null), shift(50, null, 'ben', 3), shift(200, 300, 'cem')], 0, 100)
  expect(cut.map(({ left, width, person, override }) => [left, width, person, override])).toEqual([[0, 25, 'ana', false], [25, 25, null, false], [50, 50, 'ben', true]])
})

test('a person has one colour in every row', () => {
  const found = colours([[shift(0, 1, 'ana'), shift(1, 2, null)], [shift(0, 1, 'ben'), shift(1, 2, 'ana')]])
  expect([...found]).toEqual([['ana', 0], ['ben', 1]])
})

test('days begin at midnight, and a day of 25 hours is one day', () => {
  expect(days(0, 3 * DAY, () => 0)).toEqual([0, DAY, 2 * DAY])
  // Berlin, the end of summer time in 2026: 25 October at 01:00 UTC.
  const change = 1_792_890_000
  const berlin = (at: number) => (at < change ? 7200 : 3600)
  const begins = days(change - 2 * DAY, change + 2 * DAY, berlin)
  expect(begins.map((at) => (at + berlin(at)) % DAY)).toEqual([0, 0, 0, 0])
  expect(begins.slice(1).map((at, index) => (at - begins[index]) / 3600)).toEqual([24, 25, 24])
})

test('times by the clock of a zone', () => {
  expect(wall(1_792_890_000, 'UTC')).toBe('Sun 25 Oct, 01:00')
  expect(wall(1_792_890_000, 'Pacific/Auckland')).toBe('Sun 25 Oct, 14:00')
  expect(wall(1_792_890_000, 'Nowhere/At all')).toContain('UTC')
})

test('where nobody is on call is said first, unless it is meant so', () => {
  const of = (name: string, person: string | null, may_be_empty = false) => ({ name, current: shift(0, 1, person), may_be_empty }) as OnCallNow
  expect(first([of('a', 'ana'), of('b', null)])?.name).toBe('b')
  expect(first([of('a', 'ana'), of('b', null, true)])?.name).toBe('a')
  expect(first([])).toBeNull()
})
