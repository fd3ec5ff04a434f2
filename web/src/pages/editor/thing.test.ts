import { expect, test } from 'vitest'
import { KINDS, KIND_NAMES } from './kinds.ts'
import { definitionOfThing, emptyThing, gapsOf, thingOf } from './thing.ts'

test('a check survives the form, with what the form has no field for', () => {
  const check = { name: 'shop', type: 'http', url: 'https://x/', contains: ['a, b', 'c'], contacts: ['ana', 'ben'], check_interval: '1min', max_check_attempts: 2, thresholds: { size: { critical: '> 3' } }, shadow: true, host: 'web1' }
  expect(definitionOfThing(thingOf({ check })!)).toEqual(check)
  const monitor = { name: 'backup', kind: 'heartbeat', schedule: '0 4 * * *', grace: '1h', service: 'Backup', owner: 'ops' }
  expect(definitionOfThing(thingOf({ monitor })!)).toEqual(monitor)
  const errors = { name: 'shop errors', kind: 'errors', project: 'shop', when: ['new', 'events > 100 in 5m'], recover_for: '2h', contacts: ['ana'] }
  expect(definitionOfThing(thingOf({ monitor: errors })!)).toEqual(errors)
})

test('what has no form is told: commands, and what is unknown', () => {
  expect(thingOf({ check: { name: 'a', type: 'plugin', command: ['x'] } })).toBeNull()
  expect(thingOf({ check: { name: 'a', type: 'passive', command: ['x'] } })).toBeNull()
  expect(thingOf({ check: { name: 'a', type: 'job' } })).toBeNull()
  expect(thingOf({ monitor: { name: 'a', kind: 'metric' } })).toBeNull()
})

test('every kind says what it needs, and leaves out what is empty', () => {
  for (const kind of KIND_NAMES) {
    const thing = emptyThing(kind)
    expect(Object.keys(definitionOfThing({ ...thing, name: ' x ' })).sort()).toEqual(['name', KINDS[kind].table === 'monitor' ? 'kind' : 'type'].sort())
  }
  expect(gapsOf(emptyThing('tcp'))).toEqual(['port'])
  expect(gapsOf({ ...emptyThing('tcp'), texts: { port: '25' } })).toEqual([])
})

test('what was typed for another kind stays out of this one', () => {
  const thing = { ...emptyThing('tcp'), name: 'a', texts: { url: 'https://x/', port: '25', tls: 'true', send: ' ' } }
  expect(definitionOfThing(thing)).toEqual({ name: 'a', type: 'tcp', port: 25, tls: true })
  expect(definitionOfThing({ ...thing, texts: { port: 'smtp' } })).toEqual({ name: 'a', type: 'tcp', port: 'smtp' })
})
