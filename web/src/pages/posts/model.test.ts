import { expect, test } from 'vitest'
import type { Post, Standings } from '../../api/posts.ts'
import { split, standingsFor, worstOf } from './model.ts'

const post = (id: number, ended: number | null, at: number): Post => ({ id, title: `#${id}`, opened: 0, ended, updates: [{ number: 1, at, phase: 'notice', text: '', components: {}, author: 'ana' }] })

test('what is told now comes first, each with the newest word first', () => {
  const { open, over } = split([post(1, 50, 50), post(2, null, 10), post(3, null, 30), post(4, 90, 90)])
  expect([open.map(({ id }) => id), over.map(({ id }) => id)]).toEqual([[3, 2], [4, 1]])
})

test('what is over does well again; the worst is what one sees first', () => {
  const said: Standings = { Uploads: 'outage', Search: 'degraded' }
  expect(standingsFor('resolved', said)).toEqual({ Uploads: 'operational', Search: 'operational' })
  expect(standingsFor('monitoring', said)).toBe(said)
  expect([worstOf(said), worstOf({})]).toEqual(['outage', 'operational'])
})
