import { expect, test } from 'vitest'
import { scrollFor, sight } from './virtual.ts'

test('a short list shows what is in sight and a little more', () => {
  expect(sight(0, 100, 1000, 20)).toEqual({ first: 0, end: 11, offset: 0, height: 20_000 })
  expect(sight(400, 100, 1000, 20)).toEqual({ first: 14, end: 31, offset: 280, height: 20_000 })
  expect(sight(0, 100, 3, 20)).toEqual({ first: 0, end: 3, offset: 0, height: 60 })
})

test('a million rows fit a browser, and both ends can be reached', () => {
  const top = sight(0, 600, 1_000_000, 28)
  const bottom = sight(top.height - 600, 600, 1_000_000, 28)
  expect(top.height).toBeLessThanOrEqual(8_000_000)
  expect(top.first).toBe(0)
  expect(bottom.end).toBe(1_000_000)
  expect(bottom.offset + (bottom.end - bottom.first) * 28).toBeCloseTo(top.height, 3)
})

test('scrolling to a row', () => {
  expect(scrollFor(2, 0, 100, 1000, 20)).toBeNull()
  expect(scrollFor(10, 0, 100, 1000, 20)).toBe(120)
  expect(scrollFor(1, 400, 100, 1000, 20)).toBe(20)
  const far = scrollFor(999_999, 0, 600, 1_000_000, 28)!
  expect(sight(far, 600, 1_000_000, 28).end).toBe(1_000_000)
})
