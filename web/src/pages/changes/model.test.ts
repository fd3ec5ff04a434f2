import { expect, test } from 'vitest'
import type { Annotation, Incident } from '../../api/types.ts'
import { commitOf, differences, matching, ofService, streamOf } from './model.ts'

const say = { opened: (title: string) => `${title} began`, ended: (title: string) => `${title} was over` }
const event = (at: number, what: string, ...tags: string[]): Annotation => ({ id: what, at, what, tags })
const incident = (id: number, opened: number, closed: number | null) => ({ id, title: `#${id}`, opened, closed }) as Incident

test('what was changed and what went wrong stand in one list, the newest first', () => {
  const told = streamOf([event(100, 'web@1', 'deploy', 'web'), event(300, 'uploads: on', 'flip'), event(150, 'the bank moved')], [incident(7, 110, 200), incident(6, 10, null), incident(5, 20, 400)], 50, say)
  expect(told.map(({ at, kind, what, bad }) => [at, kind, what, bad])).toEqual([
    [400, 'incident', '#5 was over', false], [300, 'flip', 'uploads: on', false], [200, 'incident', '#7 was over', false], [150, 'other', 'the bank moved', false], [110, 'incident', '#7 began', true], [100, 'deploy', 'web@1', false],
  ])
  expect(new Set(told.map(({ key }) => key)).size).toBe(told.length)
  expect(matching(told, 'deploy', '').map(({ what }) => what)).toEqual(['web@1'])
  expect(matching(told, 'all', 'WEB 1').map(({ what }) => what)).toEqual(['web@1'])
  expect(matching(told, 'flip', 'web')).toEqual([])
})

test('an edit says key by key what it changed', () => {
  const data = 'before: {"monitor":{"name":"x","critical":"> 5","for":null}}\nafter: {"monitor":{"name":"x","critical":"> 9","contacts":["ana"]}}\ncommit: abc123\n'
  expect(differences(data)).toEqual([{ key: 'monitor.critical', before: '> 5', after: '> 9' }, { key: 'monitor.contacts', before: null, after: '["ana"]' }])
  expect(commitOf(data)).toBe('abc123')
  expect(differences('before: one\ntwo\nafter: three\n')).toEqual([{ key: '', before: 'one\ntwo', after: 'three' }])
  expect(differences('after: {"a":1}')).toEqual([{ key: 'a', before: null, after: '1' }])
  expect([differences(''), commitOf('')]).toEqual([[], null])
  expect(streamOf([{ ...event(5, 'ana changed monitors/x', 'audit'), data }], [], 0, say)[0]).toMatchObject({ kind: 'settings', tags: [], data })
})

test('of a service is what says its name, and what went wrong with its parts', () => {
  const told = streamOf([event(1, 'web@1 deployed', 'deploy', 'web'), event(2, 'webmail moved'), event(3, 'nothing', 'web')], [{ ...incident(7, 5, null), reason: 'monitor:web1/http' }], 0, say)
  expect(ofService(told, 'Web', ['web1/http']).map(({ at }) => at)).toEqual([5, 3, 1])
  expect(ofService(told, 'a.b(', [])).toEqual([])
})
