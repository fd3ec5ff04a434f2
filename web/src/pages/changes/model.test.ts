import { expect, test } from 'vitest'
import type { Annotation, Incident } from '../../api/types.ts'
import { matching, streamOf } from './model.ts'

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
