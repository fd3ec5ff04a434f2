import { expect, test } from 'vitest'
import type { TreeNode } from '../../api/types.ts'
import { ancestors, move, rowsOf, type Branch } from './tree.ts'

const folder = (id: string): TreeNode => ({ id, text: id.split('.').at(-1)!, leaf: 0, expandable: 1, allowChildren: 1 })
const leaf = (id: string): TreeNode => ({ ...folder(id), leaf: 1, expandable: 0, allowChildren: 0 })
const branches = new Map<string, Branch>([
  ['', { state: 'ready', nodes: [folder('a'), folder('b'), leaf('c')] }],
  ['a', { state: 'ready', nodes: [leaf('a.x'), leaf('a.y')] }],
])
const shape = (open: string[]) => rowsOf(branches, new Set(open)).map((row) => '  '.repeat(row.depth) + (row.kind === 'node' ? row.node.text : row.kind))

test('rows of what is open', () => {
  expect(shape([])).toEqual(['a', 'b', 'c'])
  expect(shape(['a', 'b'])).toEqual(['a', '  x', '  y', 'b', '  loading', 'c'])
  expect(rowsOf(new Map(), new Set())).toEqual([{ kind: 'loading', under: '', depth: 0 }])
})

test('ancestors', () => expect(ancestors('a.b.c')).toEqual(['a', 'a.b', 'a.b.c']))

test.each([
  [0, 'ArrowDown', { to: 1 }],
  [0, 'ArrowUp', { to: 0 }],
  [0, 'ArrowRight', { to: 1 }],
  [0, 'ArrowLeft', { close: 'a' }],
  [2, 'ArrowLeft', { to: 0 }],
  [3, 'ArrowRight', { open: 'b' }],
  [4, 'ArrowRight', null],
  [0, 'End', { to: 4 }],
  [0, 'q', null],
])('key at %d: %s', (at, key, wanted) => expect(move(rowsOf(branches, new Set(['a'])), at, key)).toEqual(wanted))

test('a hundred thousand names in one folder take milliseconds', () => {
  const many = new Map<string, Branch>([['', { state: 'ready', nodes: Array.from({ length: 100_000 }, (_, i) => leaf(`n${i}`)) }]])
  expect(rowsOf(many, new Set())).toHaveLength(100_000)
})
