import { expect, test } from 'vitest'
import type { GraphSeries } from '../api/types.ts'
import { aligned, Grid, lineOf, put } from './tail.ts'

const series = (more: Partial<GraphSeries>): GraphSeries => ({ name: 'a', tags: {}, step: 1, start: 100, every: 1, values: [1, 2, 3], ...more })

function gridOf(...all: GraphSeries[]) {
  const grid = new Grid(all[0].step * all[0].every)
  const lines = all.map((one) => lineOf(one, 0))
  lines.forEach((line) => grid.add(line))
  return { grid, lines }
}

test('slots append, correct and leave gaps', () => {
  const { grid, lines: [line] } = gridOf(series({}))
  put(grid, line, 105, 6)
  put(grid, line, 101, 20)
  expect(line.values).toEqual([1, 20, 3, null, null, 6])
  expect(grid.x).toEqual([100, 101, 102, 103, 104, 105])
})

test('what lies before the window is not drawn', () => {
  const { grid, lines: [line] } = gridOf(series({}))
  put(grid, line, 90, 1)
  expect(line.values).toEqual([1, 2, 3])
})

test('lines of a grid stay equally long, also a late comer', () => {
  const { grid, lines } = gridOf(series({}), series({ name: 'b', start: 102, values: [7, 8] }))
  expect(lines[0].values).toEqual([1, 2, 3, null])
  expect(lines[1].values).toEqual([null, null, 7, 8])
  expect(lines[1].start).toBe(100)
  grid.trim(102.5)
  expect(grid.x).toEqual([102, 103])
  expect(lines[0].values).toEqual([3, null])
  expect(lines[0].start).toBe(102)
})

test('a wide column takes each new slot once', () => {
  const { grid, lines: [line] } = gridOf(series({ every: 3, values: [2, 5], min: [1, 5], max: [3, 5], count: [3, 1] }))
  expect(line.through).toBe(103)
  put(grid, line, 103, 99)
  put(grid, line, 104, 7)
  put(grid, line, 106, 1)
  expect(line.values).toEqual([2, 6, 1])
  expect(line.low).toEqual([1, 5, 1])
  expect(line.high).toEqual([3, 7, 1])
  expect(line.known).toEqual([3, 2, 1])
})

test('different widths share one x; no column is not a missing value', () => {
  const fine = gridOf(series({ values: [1, null, 3] }))
  const coarse = gridOf(series({ name: 'b', step: 2, values: [10, 20] }))
  const both = aligned([fine.grid, coarse.grid])
  expect(both.x).toEqual([100, 101, 102])
  expect([...fine.lines, ...coarse.lines].map((line) => both.of(line.values, line))).toEqual([[1, null, 3], [10, undefined, 20]])
})
