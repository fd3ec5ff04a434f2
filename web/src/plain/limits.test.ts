import { expect, test } from 'vitest'
import type { Near } from '../api/types.ts'
import { levelsOfLimits, limitedNames, limitOf, MOST_LIMITED } from './limits.ts'

const near = (level: number, of: Near['of']): Near => ({ kind: 'check', name: 'db', label: 'connections', of, share: 0.5, series: 'db.connections', level })

test('each limit is one line, in the colour of what lies beyond it', () => {
  expect(levelsOfLimits([])).toEqual([])
  expect(levelsOfLimits([near(100, 'max'), near(80, 'warning'), near(100, 'critical')])).toEqual([
    { at: 100, state: 'critical' },
    { at: 80, state: 'warning' },
  ])
  expect(levelsOfLimits([near(NaN, 'max')])).toEqual([])
  expect(limitOf({ ...near(1, 'max'), share: 0.9 })).toEqual(limitOf(near(1, 'max')))
})

test('of equal lines one is asked for, and of too many none', () => {
  expect(limitedNames(['b', 'a', 'b'])).toEqual(['a', 'b'])
  expect(limitedNames(Array.from({ length: MOST_LIMITED + 1 }, (_, n) => `s${n}`))).toEqual([])
})
