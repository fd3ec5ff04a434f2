import { expect, test } from 'vitest'
import type { Silence } from '../api/types.ts'
import { matches, silencesOf } from './silences.ts'

test('patterns as the server reads them', () => {
  for (const [pattern, name, wanted] of [['web*', 'web1/disk', true], ['web?', 'web12', false], ['a.b', 'axb', false], ['{web,db}1', 'db1', true], ['[a-c]1', 'b1', true], ['a(', 'a(', true], ['[', '[', true]] as const) expect(matches(pattern, name), pattern).toBe(wanted)
})

test('a silence holds back what all keys of a matcher fit', () => {
  const silence = (id: number, until: number, matcher: Partial<Silence['matchers'][number]>): Silence => ({ id, from: 0, until, reason: '', author: '', matchers: [{ monitor: null, instance: null, host: null, ...matcher }] })
  const all = [silence(1, 100, { monitor: 'web1/*' }), silence(2, 100, { host: 'web1' }), silence(3, 5, { host: 'web1' }), silence(4, 100, { monitor: 'load', instance: 'a' }), silence(5, 100, { host: 'db1', monitor: 'web1/disk' })]
  const of = (monitor: string | null, host: string | null) => silencesOf(all, { monitor, host }, 10).map(({ id }) => id)
  expect(of('web1/disk', 'web1')).toEqual([1, 2])
  expect(of(null, 'web1')).toEqual([2])
  expect(of('load', null)).toEqual([4])
})
