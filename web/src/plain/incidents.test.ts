import { expect, test } from 'vitest'
import type { Incident } from '../api/types.ts'
import { openOnes, worstFirst } from './incidents.ts'

const one = (id: number, change: Partial<Incident>) => ({ id, phase: 'open', severity: 'CRITICAL', opened: 100, closed: null, snoozed_until: null, ...change }) as Incident

test('what nobody has comes first, then the worst, then the oldest; what is over by its end', () => {
  const all = [
    one(1, { phase: 'acknowledged' }), one(2, { severity: 'WARNING' }), one(3, { opened: 50 }), one(4, {}), one(5, { phase: 'resolved', closed: 10 }), one(6, { phase: 'resolved', closed: 20 }), one(7, { snoozed_until: 900 }),
  ]
  expect(worstFirst(all).map(({ id }) => id)).toEqual([3, 4, 2, 1, 7, 6, 5])
  expect(openOnes(all)).toHaveLength(5)
})
