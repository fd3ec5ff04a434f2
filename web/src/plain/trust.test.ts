import { expect, test } from 'vitest'
import { alike, holes, losses } from './trust.ts'

test('only losses that happened are told', () => {
  expect(losses({ dropped: { kernel: 0, queue: 3 } } as never)).toEqual([{ cause: 'queue', count: 3 }])
})

test('what is stored decides about gaps, before it is known what is drawn', () => {
  expect(holes(null, [[1, 2]])).toEqual([[1, 2]])
  expect(holes({ gaps: [] } as never, [[1, 2]])).toEqual([])
})

test('those of which the same is true stand together', () => {
  expect(alike(['a1', 'b2', 'c1'], (one) => one[1])).toEqual([['a1', 'c1'], ['b2']])
})
