import { expect, test } from 'vitest'
import { caretAt, closed, errorPlace, looksComplete, pairAt, tokens } from './target.ts'

test('tokens and their kinds', () => {
  const text = `movingAverage(stats.{a,b}.*, '5min') | scale(0.5, true)`
  expect(tokens(text).map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    'function movingAverage', 'mark (', 'path stats.{a,b}.*', 'mark ,', "string '5min'", 'mark )', 'mark |', 'function scale', 'mark (', 'number 0.5', 'mark ,',
    'word true', 'mark )',
  ])
})

test.each([
  ['sumSeries(a.', 12, { call: 'sumSeries', argument: 0, token: 'a.' }],
  ["movingAverage(a.b, '5", 21, { call: 'movingAverage', argument: 1, token: "'5" }],
  ['scale(sum(a), ', 14, { call: 'scale', argument: 1, token: null }],
  ['a.b', 3, { call: null, argument: 0, token: 'a.b' }],
  ['sum(a) | sc', 11, { call: null, argument: 0, token: 'sc' }],
  ['a | scale(', 10, { call: 'scale', argument: 1, token: null }],
  ['', 0, { call: null, argument: 0, token: null }],
])('caret in %s', (text, at, wanted) => {
  const caret = caretAt(text, at)
  expect({ call: caret.call, argument: caret.argument, token: caret.token?.text ?? null }).toEqual(wanted)
})

test.each([
  ['a.b', true],
  ['a.', false],
  ['sum(a', false],
  ['sum(a))', false],
  ["alias(a, 'x')", true],
  ["alias(a, 'x", false],
  ['a.{b', false],
  ['a |', false],
  ['a | sca', false],
  ['f(a, )', false],
  ['', false],
])('%s complete: %s', (text, wanted) => expect(looksComplete(text)).toBe(wanted))

test.each([
  ['the place is told', { message: '', start: 2, end: 4 }, [2, 4]],
  ['a place of no width is one character', { message: '', start: 2, end: 2 }, [2, 3]],
  ['the message names it', { message: 'unknown function: sumSerie', start: null, end: null }, [6, 14]],
  ['nothing is known', { message: 'no', start: null, end: null }, [0, 19]],
] as const)('where an error is: %s', (_, error, wanted) => expect(errorPlace('alias(sumSerie(a),1)'.slice(0, 19), error)).toEqual(wanted))

test('parentheses and their other half', () => {
  const text = "f(g(a), ')')"
  expect(pairAt(text, 1)).toEqual([1, 11])
  expect(pairAt(text, 2)).toEqual([1, 11])
  expect(pairAt(text, 6)).toEqual([3, 5])
  expect(pairAt(text, 9)).toBeNull()
  expect(pairAt('f((a)', 1)).toBeNull()
  expect(pairAt('a)', 2)).toBeNull()
})

test.each([
  ['sumSeries(a.b', 'sumSeries(a.b)'],
  ["alias(scale(a, 2), 'x", "alias(scale(a, 2), 'x')"],
  ['scale(a, ', 'scale(a)'],
  ['a | ', 'a'],
  ["alias(a, '", "alias(a, '')"],
  ['a)', 'a)'],
])('%s closed for a preview', (text, wanted) => expect(closed(text)).toBe(wanted))

test('anything at all gives tokens that lie in order', () => {
  let seed = 20261121
  const random = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31
  for (let round = 0; round < 500; round++) {
    const text = Array.from({ length: 30 }, () => `ab.(){},'"|* 1-`[Math.floor(random() * 15)]).join('')
    const all = tokens(text)
    all.forEach((one, i) => expect(one.start >= (all[i - 1]?.end ?? 0) && one.end > one.start, text).toBe(true))
    caretAt(text, Math.floor(random() * 31))
    looksComplete(text)
    closed(text)
    pairAt(text, Math.floor(random() * 31))
  }
})
