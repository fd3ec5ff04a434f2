/** Graphite's target language, read well enough to colour it, to complete it and to know what is still being typed. */

import { read } from './expression.ts'

export type TokenKind = 'function' | 'path' | 'string' | 'number' | 'word' | 'mark'
export type Token = { kind: TokenKind; start: number; end: number; text: string }

const PATH = /[^\s(),'"|]/
const WORDS = new Set(['true', 'false', 'none', 'inf'])

export function tokens(target: string): Token[] {
  const found: Token[] = []
  let at = 0
  while (at < target.length) {
    const c = target[at]
    const end = /\s/.test(c) ? at + 1 : c === "'" || c === '"' ? stringEnd(target, at) : PATH.test(c) ? pathEnd(target, at) : at + 1
    if (!/\s/.test(c)) found.push(token(target, at, end))
    at = end
  }
  return found
}

function token(target: string, start: number, end: number): Token {
  const text = target.slice(start, end)
  return { kind: kindOf(text, target.slice(end)), start, end, text }
}

function kindOf(text: string, after: string): TokenKind {
  if (/^['"]/.test(text)) return 'string'
  if (/^[(),|]$/.test(text)) return 'mark'
  if (/^\w+$/.test(text) && /^\s*\(/.test(after)) return 'function'
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) && !/^\s*\./.test(after)) return 'number'
  return WORDS.has(text.toLowerCase()) ? 'word' : 'path'
}

function stringEnd(target: string, start: number): number {
  const close = target.indexOf(target[start], start + 1)
  return close < 0 ? target.length : close + 1
}

/** A comma inside braces belongs to the path. */
function pathEnd(target: string, start: number): number {
  let depth = 0
  let at = start
  while (at < target.length && (PATH.test(target[at]) || (depth > 0 && target[at] === ','))) {
    if (target[at] === '{') depth++
    if (target[at] === '}') depth--
    at++
  }
  return Math.max(at, start + 1)
}

/** What the caret stands in: the innermost open call and where its arguments begin, which of them, and the token being typed. */
export type Caret = { call: string | null; argument: number; token: Token | null; open: number }

export function caretAt(target: string, position: number): Caret {
  const open: { name: string; argument: number; at: number }[] = []
  let [before, last]: (Token | null)[] = [null, null]
  let current: Token | null = null
  for (const one of tokens(target)) {
    if (one.start >= position) break
    if (one.end >= position && one.kind !== 'mark') current = one
    // What comes through a pipe is the first argument.
    if (one.text === '(') open.push({ name: last?.kind === 'function' ? last.text : '', argument: before?.text === '|' ? 1 : 0, at: one.end })
    else if (one.text === ')') open.pop()
    else if (one.text === ',' && open.length) open[open.length - 1].argument++
    ;[before, last] = [last, one]
  }
  const inner = open[open.length - 1]
  return { call: inner?.name || null, argument: inner?.argument ?? 0, token: current, open: inner?.at ?? 0 }
}

/** The places of a parenthesis beside the caret and of its other half. */
export function pairAt(target: string, position: number): [number, number] | null {
  const open: number[] = []
  for (const { kind, text, start } of tokens(target)) {
    if (kind !== 'mark') continue
    if (text === '(') open.push(start)
    if (text !== ')') continue
    const other = open.pop()
    if (other !== undefined && [start, start + 1, other, other + 1].includes(position)) return [other, start]
  }
  return null
}

/** What is half written, closed where it stands open: good enough for a preview. */
export function closed(target: string): string {
  let text = target.replace(/[\s,|]+$/, '')
  const last = tokens(text).at(-1)
  if (last?.kind === 'string' && (last.text.length === 1 || !last.text.endsWith(last.text[0]))) text += last.text[0]
  const marks = tokens(text).filter(({ kind }) => kind === 'mark')
  const depth = marks.reduce((sum, mark) => sum + (mark.text === '(' ? 1 : mark.text === ')' ? -1 : 0), 0)
  return text + ')'.repeat(Math.max(0, depth))
}

/** Whether it makes sense to ask the server already: nothing open, nothing dangling, no function half written behind a pipe. */
export function looksComplete(target: string): boolean {
  return read(target).expression !== null
}

/** Which characters an error is about: as told, else the function or path that its message names, else everything. */
export function errorPlace(target: string, error: { message: string; start: number | null; end: number | null }): [number, number] {
  if (error.start !== null && error.end !== null && error.start < target.length) {
    return [error.start, Math.min(target.length, Math.max(error.start + 1, error.end))]
  }
  const named = new Set(error.message.match(/[\w.*{},]+/g))
  const found = tokens(target).find(({ kind, text }) => (kind === 'function' || kind === 'path') && named.has(text))
  return found ? [found.start, found.end] : [0, target.length]
}

/** The same target as it was some time ago. */
export function shiftedTarget(target: string, by: string): string {
  return `timeShift(${target},'${by}')`
}
