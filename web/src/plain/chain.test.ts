import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { FunctionParam } from '../api/types.ts'
import {
  absent, applied, argumentText, chainOf, firstPath, flat, inside, moved, quoted, removed, replaced, slots, spread, withArgument, withoutArgument, type Chain,
} from './chain.ts'
import { alternatives, asNode, pathNodes, read, type Call, type Expression } from './expression.ts'
import { tokens } from './target.ts'

const FILE = new URL('../../../scenarios/graphite/targets.txt', import.meta.url)
/** Every target that graphite-web and the server are compared with, alone. */
const TARGETS = readFileSync(FILE, 'utf8')
  .split('\n')
  .filter((line) => line.trim() && !/^[#[]/.test(line))
  .flatMap((line) => line.replace(/ @ .*$/, '').split(' & '))

const whole = (text: string) => {
  const { expression } = read(text)
  if (!expression) throw new Error(`not a target: ${text}`)
  return expression
}
const chain = (text: string): Chain => chainOf(text, whole(text))
const words = (text: string) => tokens(text).map((token) => token.text).join('')

/** Every expression within, itself first. */
function all(one: Expression): Expression[] {
  if (one.kind === 'call') return [one, ...one.args.flatMap(({ value }) => all(value))]
  return one.kind === 'piped' ? [one, ...all(one.base), ...one.calls.flatMap(all)] : [one]
}

test('the targets are there, and nearly all of them can be taken apart', () => {
  expect(TARGETS.length).toBeGreaterThan(600)
  const not = TARGETS.filter((text) => !read(text).expression)
  // Those that the file has because they are broken.
  expect(not.length).toBeLessThan(TARGETS.length * 0.04)
})

test.each(TARGETS.filter((text) => read(text).expression))('round trip: %s', (text) => {
  const root = whole(text)
  for (const one of all(root)) {
    expect(one.end).toBeGreaterThan(one.start)
    if (one.kind !== 'path' && one.kind !== 'call' && one.kind !== 'piped') continue
    const { shells, start, end } = chainOf(text, one)
    // Chips and text: put together again it is the same text, to the blank.
    expect(inside(text, chainOf(text, one), shells.length)).toBe(text.slice(start, end))
    for (const step of shells.keys()) expect(moved(text, chainOf(text, one), step, step)).toBe(text)
  }
  // A function that is put on and taken off again leaves nothing behind.
  const before = chain(text)
  for (let index = 0; index <= before.shells.length; index++) {
    const more = applied(text, before, index, { name: 'scale', args: ['2'] })
    const longer = chain(more)
    expect(longer.shells.map(({ call }) => call.name)[index]).toBe('scale')
    expect(removed(more, longer, index)).toBe(text)
  }
  // Two neighbours exchanged twice.
  const other = before.shells.length > 1 ? moved(text, before, 0, 1) : null
  if (other !== null) {
    expect(chain(other).shells.map(({ call }) => call.name)).toEqual([before.shells[1], before.shells[0], ...before.shells.slice(2)].map(({ call }) => call.name))
    expect(moved(other, chain(other), 0, 1)).toBe(text)
  }
  // Laid out over lines, and back on one: the words stay.
  expect(words(spread(text, 20))).toEqual(words(text))
  expect(words(flat(spread(text, 20)))).toEqual(words(text))
  expect(flat(spread(flat(text), 20))).toBe(flat(text))
})

test.each([
  ['scale(a.b,2', 11, 'close'],
  ["alias(a,'x", 10, 'quote'],
  ['sumSeries(a.b))', 14, 'end'],
  ['a.b|', 4, 'name'],
  ['scale(a,)', 8, 'name'],
  ['a.b and more', 4, 'end'],
  ['', 0, 'name'],
])('%s: at %i something is missing (%s)', (text, at, what) => expect(read(text)).toEqual({ expression: null, missing: { at, what } }))

test('nesting beyond what the server reads is refused, not a fault of this page', () => {
  const deep = (depth: number) => 'f('.repeat(depth) + 'a' + ')'.repeat(depth)
  expect(read(deep(60)).expression).not.toBeNull()
  for (const depth of [70, 5000]) expect(read(deep(depth)).missing?.what).toBe('deep')
})

test('anything at all is read or refused, in time', () => {
  let seed = 20261121
  const random = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31
  const pieces = ['a', '.b', '(', ')', ',', '|', "'", '"', ' ', '{', '}', '*', 'f(', "'x'", '1', '\\', '\n', '=', 'é']
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: 24 }, () => pieces[Math.floor(random() * pieces.length)]).join('')
    const { expression, missing } = read(text)
    if (!expression) expect(missing!.at).toBeLessThanOrEqual(text.length)
    else expect(inside(text, chain(text), chain(text).shells.length)).toBe(text.slice(expression.start, expression.end))
  }
  const began = performance.now()
  read('f('.repeat(60) + '{'.repeat(20_000))
  read('{a,'.repeat(20_000))
  expect(performance.now() - began).toBeLessThan(2000)
})

const param = (name: string, type: string, more: Partial<FunctionParam> = {}): FunctionParam => ({ name, type, ...more })
const SUMMARIZE = [
  param('seriesList', 'seriesList', { required: true }), param('intervalString', 'interval', { required: true }), param('func', 'aggFunc', { default: 'sum' }), param('alignToFrom', 'boolean', { default: false }),
]
const PERCENT = [param('seriesList', 'seriesList', { required: true }), param('total', 'any'), param('nodes', 'nodeOrTag', { multiple: true })]
const call = (text: string): Call => chain(text).shells[0].call
function slotsOf(text: string, params: FunctionParam[]) {
  const { call, piped, inner } = chain(text).shells[0]
  return slots(call, piped, params, inner)
}

test('chips: nested, piped and mixed, innermost first', () => {
  const text = "alias(a.b|scale(2)|offset(1),'x')"
  expect(chain(text).shells.map(({ call, piped }) => `${call.name} ${piped}`)).toEqual(['scale true', 'offset true', 'alias false'])
  expect(moved(text, chain(text), 2, 0)).toBe("alias(a.b,'x')|scale(2)|offset(1)")
  expect(removed(text, chain(text), 0)).toBe("alias(a.b|offset(1),'x')")
  expect(inside(text, chain(text), 2)).toBe('a.b|scale(2)|offset(1)')
  expect(applied('a.b', chain('a.b'), 0, { name: 'f', args: [] })).toBe('f(a.b)')
  expect(applied('a|f()', chain('a|f()'), 1, { name: 'g', args: ['1'] })).toBe('a|f()|g(1)')
})

test('arguments and what they are for', () => {
  const text = "summarize(a, '1h', alignToFrom=true)"
  expect(slotsOf(text, SUMMARIZE).map(({ param }) => param?.name)).toEqual(['intervalString', 'alignToFrom'])
  const piped = "a|summarize('1h', 'max')"
  expect(slotsOf(piped, SUMMARIZE).map(({ param }) => param?.name)).toEqual(['intervalString', 'func'])
  const two = 'asPercent(a.*, b.*, 1, 2)'
  expect(slotsOf(two, PERCENT).map(({ param, series }) => `${param?.name} ${series}`)).toEqual(['total true', 'nodes false', 'nodes false'])
  expect(absent(call(text), false, SUMMARIZE).map(({ name }) => name)).toEqual(['func'])
  expect(absent(call(two), false, PERCENT).map(({ name }) => name)).toEqual(['nodes'])
})

test.each([
  ["summarize(a, '1h')", false, SUMMARIZE, 'func', "'max'", "summarize(a, '1h', 'max')"],
  ["summarize(a, '1h')", false, SUMMARIZE, 'alignToFrom', 'true', "summarize(a, '1h', alignToFrom=true)"],
  ["summarize(a, '1h', alignToFrom=true)", false, SUMMARIZE, 'func', "'max'", "summarize(a, '1h', alignToFrom=true, func='max')"],
  ["a|summarize('1h')", true, SUMMARIZE, 'func', "'max'", "a|summarize('1h', 'max')"],
  ['asPercent(a)', false, PERCENT, 'nodes', '1', 'asPercent(a, None, 1)'],
  ['a|asPercent()', true, PERCENT, 'nodes', '1', 'a|asPercent(None, 1)'],
  ['asPercent(a, b, 1)', false, PERCENT, 'nodes', '2', 'asPercent(a, b, 1, 2)'],
])('%s with one more argument', (text, piped, params, name, value, wanted) => {
  const found = chain(text).shells[0].call
  expect(withArgument(text, found, piped, params, name, value)).toBe(wanted)
  expect(read(wanted).expression).not.toBeNull()
})

test.each([
  ["summarize(a, '1h', 'max')", 1, SUMMARIZE, "summarize(a, '1h')"],
  ["summarize(a, '1h', 'max', true)", 1, SUMMARIZE, "summarize(a, '1h', 'sum', true)"],
  ["summarize(a, '1h', func='max', alignToFrom=true)", 1, SUMMARIZE, "summarize(a, '1h', alignToFrom=true)"],
  ["summarize(a, '1h')", 0, SUMMARIZE, null],
  ['asPercent(a, None, 1, 2)', 1, PERCENT, 'asPercent(a, None, 2)'],
])('%s without argument %i', (text, index, params, wanted) => {
  const found = call(text)
  expect(withoutArgument(text, found, slots(found, false, params, found.args[0])[index])).toBe(wanted)
})

test('what is written into a field becomes a literal of its kind, or is refused', () => {
  expect(argumentText('5', param('n', 'integer'), '1')).toBe('5')
  expect(argumentText('5.5', param('n', 'integer'), '1')).toBeNull()
  expect(argumentText('5min', param('n', 'interval'), "'1h'")).toBe("'5min'")
  expect(argumentText('5', param('n', 'intOrInterval'), '"1h"')).toBe('5')
  expect(argumentText('5min', param('n', 'intOrInterval'), '"1h"')).toBe('"5min"')
  expect(argumentText('it is "so"', param('n', 'string'), '"x"')).toBe("'it is \"so\"'")
  expect(argumentText('both \' and "', param('n', 'string'), "'x'")).toBeNull()
  expect(argumentText('end\\', param('n', 'string'), "'x'")).toBeNull()
  expect(argumentText('two\nlines', param('n', 'string'), "'x'")).toBeNull()
  expect(argumentText('', param('n', 'string'), "'x'")).toBe("''")
  expect(argumentText('x); drop(', param('n', 'float'), '1')).toBeNull()
  expect(argumentText('up.*.done', param('total', 'any'), '5')).toBe('up.*.done')
  expect(argumentText('512', param('total', 'any'), '5')).toBe('512')
  expect(argumentText('half (', param('total', 'any'), '5')).toBe("'half ('")
  expect(quoted("it's")).toBe('"it\'s"')
})

test('nodes of a path', () => {
  expect(pathNodes('a.{b.c,d}.*')).toEqual(['a', '{b.c,d}', '*'])
  expect(pathNodes('a\\.b.c')).toEqual(['a\\.b', 'c'])
  expect(pathNodes('a.b').join('.')).toBe('a.b')
  expect(alternatives('{a,b}')).toEqual(['a', 'b'])
  expect(alternatives('x{a,b}')).toEqual(['x{a,b}'])
  expect(asNode(['a'])).toBe('a')
  expect(asNode(['a', 'b'])).toBe('{a,b}')
  expect(firstPath('scale(f(a.b,c), 2)', whole('scale(f(a.b,c), 2)'))).toBe('a.b')
})

test('laid out over lines', () => {
  expect(spread("alias(asPercent(stats.uploads.*.failed,stats.uploads.*.completed,2),'share')", 40)).toBe(
    "alias(\n  asPercent(\n    stats.uploads.*.failed,\n    stats.uploads.*.completed,\n    2\n  ),\n  'share'\n)",
  )
  expect(spread('not a (target')).toBe('not a (target')
  expect(replaced('abc', { start: 1, end: 2 }, 'X')).toBe('aXc')
})
