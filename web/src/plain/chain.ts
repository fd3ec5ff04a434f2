/**
 * A target as people think of it: some series, then one function after the other. Each function is a shell of text around
 * what is inside, so shells can be added, taken away and exchanged without touching a character of the rest.
 */
import type { FunctionParam } from '../api/types.ts'
import { read, type Argument, type Call, type Expression } from './expression.ts'

export type Shell = { call: Call; before: string; after: string; piped: boolean; inner: Argument | null }
/** `shells` from the innermost to the outermost. */
export type Chain = { start: number; end: number; base: Expression; shells: Shell[] }

const isSeries = ({ kind }: Expression) => kind === 'path' || kind === 'call' || kind === 'piped'

/** The chain of an expression follows first arguments; other arguments that are series have chains of their own. */
export function chainOf(text: string, expression: Expression): Chain {
  const shells: Shell[] = []
  let here = expression
  for (;;) {
    if (here.kind === 'piped') {
      const { base, calls } = here
      calls.forEach((_, i) => {
        const index = calls.length - 1 - i
        const from = index === 0 ? base.end : calls[index - 1].end
        shells.push({ call: calls[index], before: '', after: text.slice(from, calls[index].end), piped: true, inner: null })
      })
      here = base
      continue
    }
    const inner = here.kind === 'call' ? here.args[0] : undefined
    if (here.kind !== 'call' || !inner || inner.keyword !== null || !isSeries(inner.value)) break
    shells.push({ call: here, before: text.slice(here.start, inner.value.start), after: text.slice(inner.value.end, here.end), piped: false, inner })
    here = inner.value
  }
  return { start: expression.start, end: expression.end, base: here, shells: shells.reverse() }
}

/** Arguments that are shown on a chip (or below it, where they are series), with what each is for. */
export type Slot = { argument: Argument; param: FunctionParam | null; series: boolean }

export function slots(call: Call, piped: boolean, params: FunctionParam[], inner: Argument | null = null): Slot[] {
  let place = piped ? 1 : 0
  return call.args.flatMap((argument) => {
    const param = argument.keyword === null ? paramAt(params, place++) : (params.find(({ name }) => name === argument.keyword) ?? null)
    return argument === inner ? [] : [{ argument, param, series: isSeries(argument.value) }]
  })
}

function paramAt(params: FunctionParam[], place: number): FunctionParam | null {
  const last = params[params.length - 1]
  return params[place] ?? (last?.multiple ? last : null)
}

/** Parameters that could still be given. */
export function absent(call: Call, piped: boolean, params: FunctionParam[]): FunctionParam[] {
  const given = call.args.filter(({ keyword }) => keyword === null).length + (piped ? 1 : 0)
  return params.filter(({ name, multiple }, index) => multiple || (index >= given && !call.args.some(({ keyword }) => keyword === name)))
}

export function replaced(text: string, { start, end }: { start: number; end: number }, by: string): string {
  return text.slice(0, start) + by + text.slice(end)
}

/** Shells around what is innermost. */
function composed(base: string, shells: Pick<Shell, 'before' | 'after'>[]): string {
  return shells.reduce((inner, { before, after }) => before + inner + after, base)
}

const baseOf = (text: string, { base }: Chain) => text.slice(base.start, base.end)

/** The chain as it stands up to (and without) a shell: what that function is applied to. */
export function inside(text: string, chain: Chain, shells: number): string {
  return composed(baseOf(text, chain), chain.shells.slice(0, shells))
}

/** Whether it would be read as that many functions: a path such as `5` is one only in front of a pipe. */
function stands(text: string, shells: number): boolean {
  const { expression } = read(text)
  return expression !== null && chainOf(text, expression).shells.length === shells
}

/** Null where that order would make something else of it. */
export function moved(text: string, chain: Chain, from: number, to: number): string | null {
  const shells = [...chain.shells]
  const [taken] = shells.splice(from, 1)
  shells.splice(to, 0, taken)
  const next = composed(baseOf(text, chain), shells)
  return stands(next, shells.length) ? replaced(text, chain, next) : null
}

export function removed(text: string, chain: Chain, index: number): string {
  return replaced(text, chain, composed(baseOf(text, chain), chain.shells.filter((_, other) => other !== index)))
}

export type Applied = { name: string; args: string[] }

/** A new function after the first `index` ones; piped where its neighbours are. */
export function applied(text: string, chain: Chain, index: number, { name, args }: Applied): string {
  const around = { before: `${name}(`, after: `${args.map((arg) => `, ${arg}`).join('')})` }
  const piped = { before: '', after: `|${name}(${args.join(', ')})` }
  const all = (shell: Pick<Shell, 'before' | 'after'>) => composed(baseOf(text, chain), [...chain.shells.slice(0, index), shell, ...chain.shells.slice(index)])
  const wanted = (chain.shells[index - 1] ?? chain.shells[index])?.piped || !stands(all(around), chain.shells.length + 1) ? piped : around
  return replaced(text, chain, all(wanted))
}

/** What a parameter is when nothing was said: what Python writes for it. */
export function defaultText({ default: value }: FunctionParam): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  return typeof value === 'number' ? String(value) : `'${String(value)}'`
}

/** One more argument: in its place if that is next, else by name; what lies between is given as it would be anyway. */
export function withArgument(text: string, call: Call, piped: boolean, params: FunctionParam[], wanted: string, value: string): string {
  const plain = call.args.filter(({ keyword }) => keyword === null)
  const place = params.findIndex(({ name }) => name === wanted)
  const next = plain.length + (piped ? 1 : 0)
  const last = call.args[call.args.length - 1]
  if (place > next && call.args.length > 0 && !params[place].multiple) return replaced(text, at(last.end), `, ${wanted}=${value}`)
  if (place >= 0 && place <= next && call.args.length > plain.length && !params[place].multiple) return replaced(text, at(last.end), `, ${wanted}=${value}`)
  const between = params.slice(next, Math.max(next, place)).map(defaultText)
  const all = [...between, value].join(', ')
  const before = plain[plain.length - 1]
  return before ? replaced(text, at(before.end), `, ${all}`) : replaced(text, at(call.end - 1), all)
}

const at = (place: number) => ({ start: place, end: place })

/** Without an argument: gone if it is the last of its kind, else as if it had not been given. Null where it is needed. */
export function withoutArgument(text: string, call: Call, slot: Slot): string | null {
  const index = call.args.indexOf(slot.argument)
  const { param, argument } = slot
  const sameKind = param?.multiple && call.args.length - index > 0
  if (param?.required && !(sameKind && index > 0 && call.args.length > 1)) return null
  const later = call.args.slice(index + 1).some(({ keyword }) => keyword === null)
  if (later && argument.keyword === null && !sameKind) return param ? replaced(text, argument, defaultText(param)) : null
  const [before, after] = [call.args[index - 1], call.args[index + 1]]
  if (before) return replaced(text, { start: before.end, end: argument.end }, '')
  return replaced(text, { start: argument.start, end: after ? after.start : argument.end }, '')
}

/** What stands between the quotes; the server keeps doubled quotes and backslashes as they are. */
export function unquoted(literal: string): string {
  return /^['"]/.test(literal) ? literal.slice(1, -1) : literal
}

/** A quoted text, with the quotes it had if that is possible; null if no quotes hold it. */
export function quoted(value: string, like = "'"): string | null {
  for (const quote of [like[0] === '"' ? '"' : "'", '"', "'"]) {
    const text = quote + value + quote
    const found = read(`f(${text})`).expression
    if (found?.kind === 'call' && found.args[0]?.value.kind === 'string' && found.args.length === 1) return text
  }
  return null
}

/** The text of an argument that somebody wrote into a field, by what the parameter takes; null if it can't be that. */
export function argumentText(value: string, param: FunctionParam | null, like: string): string | null {
  const text = value.trim()
  const type = param?.type ?? (/^['"]/.test(like) ? 'string' : 'any')
  const isNumber = /^-?\d+(\.\d+)?(e-?\d+)?$/i.test(text)
  const word = /^(true|false|none|inf)$/i.test(text)
  if (type === 'integer' || type === 'node') return /^-?\d+$/.test(text) ? text : null
  if (type === 'float') return isNumber || /^inf$/i.test(text) ? text : null
  if (type === 'intOrInf') return /^(-?\d+|inf)$/i.test(text) ? text : null
  if (type === 'boolean') return /^(true|false)$/i.test(text) ? text : null
  if (/^(intOrInterval|nodeOrTag)$/.test(type) && /^-?\d+$/.test(text)) return text
  // A name with dots is series; a text that is meant as such says so by its quotes.
  if (type === 'any' && (isNumber || word || (/\.|\(/.test(text) && read(text).expression))) return text
  return text === '' && type !== 'string' ? null : quoted(type === 'string' ? value : text, like)
}

/** Arguments that a function needs besides its series, as one would begin. */
export function firstArguments(params: FunctionParam[], series: string): string[] {
  return params.slice(1).filter(({ required }) => required).map((param) => beginning(param, series))
}

/** Another series begins as the one there is: its neighbours are then one choice away. */
export function beginning(param: FunctionParam, series: string): string {
  const { type, options, suggestions, default: value } = param
  if (value !== null && value !== undefined) return defaultText(param)
  const first = options?.find((one) => one === 'sum' || one === 'average') ?? options?.[0] ?? suggestions?.find((one) => typeof one === 'string') ?? suggestions?.[0]
  if (first !== undefined) return typeof first === 'number' ? String(first) : `'${first}'`
  if (takesSeries(param)) return series
  const plain: Record<string, string> = { integer: '5', float: '1', intOrInf: '5', node: '1', nodeOrTag: '1', boolean: 'true', interval: "'1h'", intOrInterval: '5', aggFunc: "'average'", date: "'-1h'" }
  return plain[type] ?? "''"
}

export const takesSeries = ({ type }: FunctionParam) => /^(seriesLists?|timerList)$/.test(type)

/** Lines broken and indented wherever a call does not fit; only blanks between the words of the target change. */
export function spread(text: string, width = 60): string {
  const { expression } = read(text)
  return expression ? laid(text, expression, '', width) : text
}

function laid(text: string, node: Expression, indent: string, width: number): string {
  const flat = flattened(text, node)
  if (flat.length + indent.length <= width || (node.kind !== 'call' && node.kind !== 'piped')) return flat
  if (node.kind === 'piped') return [laid(text, node.base, indent, width), ...node.calls.map((call) => `${indent}  | ${laid(text, call, indent + '    ', width).trimStart()}`)].join('\n')
  const deeper = indent + '  '
  const args = node.args.map(({ keyword, value }) => deeper + (keyword === null ? '' : `${keyword}=`) + laid(text, value, deeper, width))
  return `${node.name}(\n${args.join(',\n')}\n${indent})`
}

/** On one line, with one blank behind each comma. */
export function flat(text: string): string {
  const { expression } = read(text)
  return expression ? flattened(text, expression) : text
}

function flattened(text: string, node: Expression): string {
  if (node.kind === 'piped') return [node.base, ...node.calls].map((one) => flattened(text, one)).join(' | ')
  if (node.kind !== 'call') return text.slice(node.start, node.end)
  return `${node.name}(${node.args.map(({ keyword, value }) => (keyword === null ? '' : `${keyword}=`) + flattened(text, value)).join(', ')})`
}

/** The names that a function counts its nodes in: the first path within. */
export function firstPath(text: string, node: Expression): string | null {
  if (node.kind === 'path') return text.slice(node.start, node.end)
  if (node.kind === 'piped') return firstPath(text, node.base)
  if (node.kind === 'call' && node.args[0]) return firstPath(text, node.args[0].value)
  return null
}
