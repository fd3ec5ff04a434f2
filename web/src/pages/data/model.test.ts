import { expect, test } from 'vitest'
import type { Part } from '../../api/types.ts'
import { byKind, losses, shares, verdict } from './model.ts'

const part = (id: string, kind: string, state: Part['state'] = 'ok', dropped: Part['dropped'] = []): Part => ({
  id, kind, title: id, address: null, state, since: null, text: '', rate: null, unit: '', lag: null, last_success: null, filled: null, dropped,
})

test('parts stand in the order in which a point passes them, the worst first', () => {
  const kinds = byKind([part('s', 'store'), part('off', 'listener', 'off'), part('bad', 'listener', 'critical'), part('x', 'mystery'), part('q', 'queue')])
  expect(kinds.map(({ kind, parts }) => [kind, parts.map(({ id }) => id)])).toEqual([
    ['listener', ['bad', 'off']], ['queue', ['q']], ['store', ['s']], ['mystery', ['x']],
  ])
})

test('losses: what happens now comes first, what never happened not at all', () => {
  const one = (cause: string, total: number, last_minute: number) => ({ cause, total, last_minute, help: '' })
  expect(losses(part('a', 'queue', 'ok', [one('old', 90, 0), one('never', 0, 0), one('now', 3, 3)])).map(({ cause }) => cause)).toEqual(['now', 'old'])
})

test('shares are of the largest', () => {
  expect(shares([{ bytes: 5 }, { bytes: 10 }])).toEqual([{ bytes: 10, share: 1 }, { bytes: 5, share: 0.5 }])
  expect(shares([])).toEqual([])
})

test.each([[100, 100, 'same'], [100, 50, 'less'], [100, 200, 'more'], [0, 10, 'more']] as const)('%d to %d is %s', (now, then, wanted) => {
  expect(verdict(now, then)).toBe(wanted)
})
