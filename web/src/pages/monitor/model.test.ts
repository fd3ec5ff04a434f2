import { expect, test } from 'vitest'
import type { MonitorDetail, Stretch } from '../../api/types.ts'
import { pieces, subjectOf, wellShare } from './model.ts'

const stretch = (from: number, until: number, state: Stretch['state'], state_type: Stretch['state_type'] = 'HARD'): Stretch => ({ from, until, state, state_type })
const window = { from: 100, to: 200 }

test('hosts stand beside checks of the same name', () => {
  expect(subjectOf('host:web1', null)).toEqual({ is: 'host', name: 'web1' })
  expect(subjectOf('web1/disk', null)).toEqual({ is: 'check', name: 'web1/disk' })
  expect(subjectOf('slow', { kind: 'metric' } as MonitorDetail)).toEqual({ is: 'monitor', name: 'slow' })
})

test('a ribbon claims nothing where nothing is known', () => {
  const all = pieces([stretch(50, 110, 'OK'), stretch(120, 150, 'CRITICAL', 'SOFT')], window)
  expect(all.map(({ left, width, state, soft }) => [left, width, state, soft])).toEqual([[0, 10, 'OK', false], [10, 10, null, false], [20, 30, 'CRITICAL', true], [50, 50, null, false]])
  expect(pieces([], window)).toMatchObject([{ left: 0, width: 100, state: null }])
  expect(pieces([stretch(0, 50, 'OK')], window)).toHaveLength(1)
})

test('what is not confirmed is no trouble, what is not known no time', () => {
  expect(wellShare([stretch(100, 150, 'OK'), stretch(150, 160, 'CRITICAL', 'SOFT'), stretch(160, 180, 'CRITICAL')], window)).toBe(0.75)
  expect(wellShare([], window)).toBeNull()
})
