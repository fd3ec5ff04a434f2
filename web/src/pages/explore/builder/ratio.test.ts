import { expect, test } from 'vitest'
import { chainOf } from '../../../plain/chain.ts'
import { read } from '../../../plain/expression.ts'
import { ratios, siblingNode } from './ratio.ts'

const of = (text: string, siblings: string[] = []) => ratios(text, chainOf(text, read(text).expression!), siblings, new Set(['sumSeries']))

test('of the sum, of a neighbour by the same provider, of something else', () => {
  expect(of('up.*.failed', ['completed', 'failed'])).toEqual([
    { kind: 'sum', name: '', target: 'asPercent(up.*.failed)' },
    { kind: 'sibling', name: 'completed', target: 'asPercent(up.*.failed, up.*.completed, 1)' },
    { kind: 'other', name: '', target: 'asPercent(up.*.failed, up.*.failed, 1)' },
  ])
})

test('lines that were combined have nothing to pair by; functions go along; pipes stay pipes', () => {
  expect(of('sumSeries(up.*.failed)', ['done'])[1].target).toBe('asPercent(sumSeries(up.*.failed), sumSeries(up.*.done))')
  expect(of('scale(up.*.failed,2)', ['done'])[1].target).toBe('asPercent(scale(up.*.failed,2), scale(up.*.done,2), 1)')
  expect(of('up.*.failed|scale(2)', ['done'])[1].target).toBe('up.*.failed|scale(2)|asPercent(up.*.done|scale(2), 1)')
  expect(of("seriesByTag('name=x')").map(({ kind }) => kind)).toEqual(['sum'])
})

test('which neighbours', () => {
  expect(siblingNode('up.*.failed')).toBe(2)
  expect(siblingNode('cpu.*.{user,system}')).toBeNull()
  expect(siblingNode('up.box.*')).toBe(1)
  expect(siblingNode('single')).toBeNull()
})
