import { expect, test } from 'vitest'
import { begun, gapsOf, lastAt, rhythm, sharedGaps, stacked, statsOf, yRange, type Line, type Values } from './lines.ts'

const line = (values: Values, more: Partial<Line> = {}): Line => ({
  name: 'a', target: 0, step: 1, width: 1, start: 100, values, low: null, high: null, known: null, ...more,
})

test('statistics skip what is missing and weigh columns by their points', () => {
  expect(statsOf(line([1, null, 3]))).toEqual({ last: 3, lastAt: 102, min: 1, avg: 2, max: 3, points: 2 })
  expect(statsOf(line([null]))).toEqual({ last: null, lastAt: null, min: null, avg: null, max: null, points: 0 })
  const wide = line([10, 20], { low: [0, 15], high: [30, 25], known: [9, 1] })
  expect(statsOf(wide)).toEqual({ last: 20, lastAt: 101, min: 0, avg: 11, max: 30, points: 10 })
})

test('statistics of a window', () => {
  expect(statsOf(line([1, 2, 3, 4]), 101, 102)).toMatchObject({ min: 2, max: 3, last: 3, points: 2 })
})

test.each([
  [[1, 1, 1, null, 1], [[102, 104]]],
  [[1, null, null, 1, null, null, 1], []],
  [[1, null, null, 1, null, null, null, null, null, null, null, null, 1, null, null, 1], [[103, 112]]],
  [[null, null, 1], []],
  [[1, null, null], []],
])('gaps of %j', (values, wanted) => expect(gapsOf(line(values as Values))).toEqual(wanted))

test('rhythm', () => {
  expect(rhythm([1, 1, 1, null, 1])).toBe(1)
  expect(rhythm([1, null, 1, null, 1])).toBe(2)
  expect(rhythm([null, null])).toBe(1)
})

test('a gap is hatched only where all lines have one', () => {
  const a = line([1, 1, null, null, null, 1, 1, 1])
  const b = line([1, 1, 1, null, null, null, 1, 1])
  expect(sharedGaps([a, b])).toEqual([[102, 105]])
  expect(sharedGaps([a, line([1, 1, 1, 1, 1, 1, 1, 1])])).toEqual([])
  expect(sharedGaps([])).toEqual([])
})

test('stacking adds up what is there', () => {
  expect(stacked([[1, null, null], [2, 2, null]])).toEqual([[1, null, null], [3, 2, null]])
})

test.each([
  [null, null, [0, 1]],
  [0, 0, [0, 1]],
  [5, 5, [0, 6.25]],
  [0, 100, [0, 108]],
  [90, 100, [89.2, 100.8]],
  [-50, 50, [-58, 58]],
])('y range of %s..%s', (min, max, wanted) => expect(yRange(min, max)).toEqual(wanted))

test('small graphs side by side begin at zero', () => expect(yRange(90, 100, true)[0]).toBe(0))

test.each([
  ['nothing yet', [null, null], { from: 0, to: 300 }],
  ['ten seconds of data: a minute', [...Array(290).fill(null), 1], { from: 240, to: 300 }],
  ['two minutes of data', [...Array(180).fill(null), 1], { from: 180, to: 300 }],
  ['a slow rhythm', [...Array(20).fill(null), 1], { from: 0, to: 300 }],
  ['all of it', [1, 2], { from: 0, to: 300 }],
])('a live window with %s', (_, values, wanted) => expect(begun([line(values, { start: 0 })], { from: 0, to: 300 })).toEqual(wanted))

test('the newest point of all lines', () => {
  expect(lastAt([line([1, 2, null]), line([null, null, 3])])).toBe(102)
  expect(lastAt([line([null])])).toBeNull()
})
