import { expect, test } from 'vitest'
import { rawRows } from './raw.ts'

test('series of different steps meet in one table, newest first; a slot without a point is missing, not zero', () => {
  const rows = rawRows([
    { target: 'a', datapoints: [[1, 10], [null, 11], [3, 12]] },
    { target: 'b', datapoints: [[5, 10], [6, 12]] },
  ])
  expect(rows).toEqual([[12, [3, 6]], [11, [null, null]], [10, [1, 5]]])
})
