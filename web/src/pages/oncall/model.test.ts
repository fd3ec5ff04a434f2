import { expect, test } from 'vitest'
import type { OnCallNow, Shift } from '../../api/oncall.ts'
import { colours, days, first, heldOf, isMonth, monthBeside, monthOf, nameFits, segments, ticksOf, turnsOf, wall, weeksOf } from './model.ts'

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

test('a month is whole weeks from Monday on, also over the change of the clocks', () => {
  const november = weeksOf('2026-11', () => 0)
  expect([november.length, november[0][0].number, november[0][6].number, november[5]?.[0].number]).toEqual([6, 26, 1, 30])
  expect(november.flat().filter(({ inside }) => inside)).toHaveLength(30)
  const change = 1_792_890_000
  const october = weeksOf('2026-10', (at) => (at < change ? 7200 : 3600)).flat()
  const lengths = october.map(({ from, until }) => (until - from) / 3600)
  expect(lengths.filter((hours) => hours !== 24)).toEqual([25])
  expect(october.every(({ until }, index) => index === october.length - 1 || until === october[index + 1].from)).toBe(true)
  expect([monthOf(change, () => 0), monthBeside('2026-12', 1), monthBeside('2026-01', -1)]).toEqual(['2026-10', '2027-01', '2025-12'])
  expect([isMonth('2026-11'), isMonth('2026-13'), isMonth(undefined)]).toEqual([true, false, false])
})

test('a day says who has it, from when, and where nobody does', () => {
  const day = { from: DAY, until: 2 * DAY }
  const turns = turnsOf([shift(0, DAY + 100, 'ana'), shift(DAY + 100, DAY + 200, null), shift(DAY + 200, null, 'ben', 3), shift(3 * DAY, 4 * DAY, 'cyd')], day)
  expect(turns.map(({ person, from, begins, override }) => [person, from - DAY, begins, override])).toEqual([['ana', 0, false, false], [null, 100, true, false], ['ben', 200, true, true]])
})

test('who sleeps is told when they wake, whoever wakes first first', () => {
  const held = (contact: string, until: number) => ({ contact, until, why: 'quiet hours' })
  const told = heldOf([{ id: 2, title: 'queue', held: [held('ben', 900), held('ana', 500)] }, { id: 1, title: 'disk', held: [held('ana', 500)] }, { id: 3, title: 'old' }])
  expect(told.map(({ contact, incident }) => [contact, incident.id])).toEqual([['ana', 1], ['ana', 2], ['ben', 2]])
})

test('dates stand at Mondays, before their line where no room is left, and at the first day if there is room', () => {
  // 1970-01-01 was a Thursday: Mondays are the 5th, 12th, 19th, 26th, and 2 February.
  const of = (from: number, pixels: number) => ticksOf(days(from * DAY, (from + 30) * DAY, () => 0), from * DAY, (from + 30) * DAY, () => 0, pixels).map(({ label, left, right }) => [label, left === null ? `before ${right?.toFixed(0)}` : left.toFixed(0)])
  expect(of(0, 900)).toEqual([['Thu 1', '0'], ['Mon 5', '13'], ['Mon 12', '37'], ['Mon 19', '60'], ['Mon 26', '83']])
  // The date of Sunday the 4th would run into Monday's; that of the 2nd would run out, a day before the end.
  expect(of(3, 900)).toEqual([['Mon 5', '3'], ['Mon 12', '27'], ['Mon 19', '50'], ['Mon 26', '73'], ['Mon 2', 'before 3']])
  expect(of(3, 3000).at(-1)).toEqual(['Mon 2', '97'])
  // On the clock that is shown, whatever the browser's is.
  const west = ticksOf([8 * 3600], 0, DAY, () => -8 * 3600, 900)
  expect(west.map(({ label, monday }) => [label, monday])).toEqual([['Thu 1', false]])
})

test('a name stands where three letters of it do', () => {
  expect([nameFits('ana', 4, 520), nameFits('ana', 8, 520), nameFits('alexandra', 8, 520), nameFits('bo', 6, 520)]).toEqual([false, true, true, true])
})
