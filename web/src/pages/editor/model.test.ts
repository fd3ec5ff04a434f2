import { expect, test } from 'vitest'
import type { Firing, ReplayAnswer } from '../../api/types.ts'
import { definitionOf, doubtsOf, draftOf, emptyDraft, handles, listOf, missing, toldOf, tomlOf } from './model.ts'

test('what the form has no field for survives it', () => {
  const definition = { name: 'slow', kind: 'metric', target: 'a.b', critical: '> 3', for: '30s', contacts: ['ana', 'ben'], shadow: true, series: { pushes: 'x.y' }, missing: 'unknown' }
  expect(definitionOf(draftOf(definition))).toEqual(definition)
})

test('what is left empty is left out', () => {
  expect(definitionOf({ ...emptyDraft(' a.* '), name: ' x ', critical: '> 1', lasting: '' })).toEqual({ name: 'x', kind: 'metric', target: 'a.*', critical: '> 1' })
  expect(missing(emptyDraft())).toEqual(['target', 'when', 'name'])
  expect(missing({ ...emptyDraft('a'), name: 'x', warning: '> 1' })).toEqual([])
})

test('it is written as a file holds it', () => {
  const toml = tomlOf({ name: 'a "b" \\ \u007f', kind: 'metric', target: "seriesByTag('name=x')", contacts: ['ana'], shadow: true, minimum_events: 5, series: { pushes: 'x.y' } })
  expect(toml).toBe('[[monitor]]\nname = "a \\"b\\" \\\\ \\u007f"\nkind = "metric"\ntarget = "seriesByTag(\'name=x\')"\ncontacts = ["ana"]\nshadow = true\nminimum_events = 5\n[monitor.series]\npushes = "x.y"\n')
})

test('lines that can be dragged are those of the value', () => {
  const draft = { ...emptyDraft('a'), warning: 'outside 1..5', critical: 'no point for 1min' }
  expect(handles(draft)).toEqual([{ level: { at: 1, state: 'warning' }, which: 'low' }, { level: { at: 5, state: 'warning' }, which: 'high' }])
})

test('what it would have done is summed over its instances; each doubt is told once', () => {
  const doubt = { from: 0, until: 1, step: 60, cannot_tell: true, reason: 'too coarse' }
  const answer = { instances: [{ fired: 2, self_healed: 1 }, { fired: 1, self_healed: 0 }], pages: { ana: 1, ben: 3 }, doubts: [doubt, doubt] } as unknown as ReplayAnswer
  expect(toldOf(answer)).toEqual({ fired: 3, healed: 1, pages: 4, whom: [['ben', 3], ['ana', 1]] })
  expect(doubtsOf(answer)).toEqual([{ reason: 'too coarse', cannotTell: true }])
})

test('beside another version each firing says whose it is', () => {
  const firing = (began: number): Firing => ({ instance: 'a', state: 'CRITICAL', began, fired: began, ended: null, told: true, text: '', value: null })
  const comparison = { both: [[firing(1), firing(1)]] as [Firing, Firing][], only_first: [firing(2)], only_second: [firing(3)] }
  const answer = { firings: [firing(1), firing(2)], comparison } as unknown as ReplayAnswer
  expect(listOf(answer).map(({ firing: { began }, only }) => [began, only])).toEqual([[3, 'held'], [2, 'this'], [1, null]])
  expect(listOf({ firings: [firing(1)] } as unknown as ReplayAnswer)).toEqual([{ firing: firing(1), only: null }])
})
