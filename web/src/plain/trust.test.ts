import { expect, test } from 'vitest'
import { holes, losses } from './trust.ts'

test('only losses that happened are told', () => {
  expect(losses({ dropped: { kernel: 0, queue: 3 } } as never)).toEqual([{ cause: 'queue', count: 3 }])
})

test('what is stored decides about gaps, before it is known what is drawn', () => {
  expect(holes(null, [[1, 2]])).toEqual([[1, 2]])
  expect(holes({ gaps: [] } as never, [[1, 2]])).toEqual([])
})
