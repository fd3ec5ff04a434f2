import { expect, test } from 'vitest'
import { meant, mentionAt, put } from './mention.ts'

test('what is written after an @ is a name; that of a mail address is none', () => {
  expect(mentionAt('look, @an', 9)).toEqual({ at: 6, typed: 'an' })
  expect(mentionAt('@', 1)).toEqual({ at: 0, typed: '' })
  expect(mentionAt('(@Ana R', 7)).toEqual({ at: 1, typed: 'Ana R' })
  expect(mentionAt('@ana and @b so', 11)).toEqual({ at: 9, typed: 'b' })
  expect([mentionAt('ana@example', 11), mentionAt('see @ nobody', 7), mentionAt('@ana\nnext', 9), mentionAt('none', 4), mentionAt(`@${'x'.repeat(200)}`, 201)]).toEqual([null, null, null, null, null])
})

test('whose name begins so comes first; one that is written out needs no help', () => {
  const names = ['ana', 'anton', 'ben', 'Mia Anders']
  expect(meant(names, 'an')).toEqual(['ana', 'anton', 'Mia Anders'])
  expect(meant(names, 'AN')).toEqual(['ana', 'anton', 'Mia Anders'])
  expect(meant(names, '')).toEqual(names)
  expect([meant(names, 'ben'), meant(names, 'zoe'), meant(names, 'ana said')]).toEqual([[], [], []])
  expect(meant(['ana', 'ana-maria'], 'ana')).toEqual(['ana', 'ana-maria'])
})

test('the name takes the place of what was typed, and one goes on behind it', () => {
  expect(put('hey @an', { at: 4, typed: 'an' }, 'ana')).toEqual({ text: 'hey @ana ', caret: 9 })
  expect(put('hey @an what', { at: 4, typed: 'an' }, 'ana')).toEqual({ text: 'hey @ana what', caret: 9 })
})
