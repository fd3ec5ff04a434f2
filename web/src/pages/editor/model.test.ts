import { expect, test } from 'vitest'
import { definitionOf, draftOf, emptyDraft, handles, missing, tomlOf } from './model.ts'

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
