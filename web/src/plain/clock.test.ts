import { expect, test } from 'vitest'
import { clock, clockChanges, fromInput, moment, stretch, toInput, zoneName } from './clock.ts'

const AT = Date.UTC(2026, 10, 21, 14, 2, 7) / 1000

test('moments carry a day only when they need one', () => {
  expect(clock(AT, 'utc')).toBe('14:02:07')
  expect(moment(AT, 'utc', AT + 60)).toBe('14:02:07')
  expect(moment(AT, 'utc', AT + 86_400)).toBe('21 Nov, 14:02:07')
  expect(moment(AT, 'utc', AT + 400 * 86_400, false)).toBe('21 Nov 2026, 14:02')
})

test('stretches', () => {
  expect(stretch(AT, AT + 3600, 'utc', AT + 3600)).toBe('14:02–15:02')
  expect(stretch(AT, AT + 60, 'utc', AT + 60)).toBe('14:02:07–14:03:07')
  expect(stretch(AT, AT + 86_400, 'utc', AT + 86_400)).toBe('21 Nov, 14:02–14:02')
})

test('fields for moments round trip', () => {
  expect(toInput(AT, 'utc')).toBe('2026-11-21 14:02:07')
  expect(fromInput(toInput(AT, 'utc'), 'utc', AT)).toBe(AT)
  expect(fromInput(toInput(AT, 'local'), 'local', AT)).toBe(AT)
})

test.each([
  ['2026-11-21 14:02', Date.UTC(2026, 10, 21, 14, 2) / 1000],
  ['2026-11-21', Date.UTC(2026, 10, 21) / 1000],
  ['9:30', Date.UTC(2026, 10, 21, 9, 30) / 1000],
  ['', null],
  ['soon', null],
  ['2026-13-45 10:00', null],
])('moment %s', (text, wanted) => expect(fromInput(text, 'utc', AT)).toBe(wanted))

test('the clocks change twice a year in the zone of the tests', () => {
  // vitest runs with TZ=Europe/Vienna (tests/zone.ts).
  const from = Date.UTC(2026, 0, 1) / 1000
  const changes = clockChanges(from, from + 365 * 86_400, 'local')
  expect(changes.map((at) => new Date(at * 1000).toISOString())).toEqual(['2026-03-29T01:00:00.000Z', '2026-10-25T01:00:00.000Z'])
  expect(clockChanges(from, from + 365 * 86_400, 'utc')).toEqual([])
  expect(zoneName('local', AT)).toBe('CET')
})
