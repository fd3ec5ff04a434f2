import { expect, test } from 'vitest'
import { rank, score } from './search.ts'

test.each([
  ['go da', 'go to Data', true],
  ['x', 'go to Data', false],
  ['', 'anything', true],
])('%s in %s', (text, title, wanted) => expect(score(text, title) !== null).toBe(wanted))

test('starts of words come first', () => {
  const actions = ['copy live link', 'table', 'live or pause'].map((title) => ({ id: title, title, keys: [] }))
  expect(rank('live', actions).map(({ title }) => title)).toEqual(['live or pause', 'copy live link'])
})
