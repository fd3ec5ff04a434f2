/**
 * A target as a tree of places in its text, by the rules of the server's parser (crates/graphite/src/parse.rs). Whoever
 * edits replaces a stretch of the text and reads it again: what was not touched stays as it was written, blanks included.
 */

type Stretch = { start: number; end: number }
export type Path = Stretch & { kind: 'path' }
export type Literal = Stretch & { kind: 'number' | 'string' | 'word' }
export type Argument = Stretch & { keyword: string | null; value: Expression }
export type Call = Stretch & { kind: 'call'; name: string; args: Argument[] }
/** `base|f()|g()`, which means `g(f(base))`. */
export type Piped = Stretch & { kind: 'piped'; base: Expression; calls: Call[] }
export type Expression = Path | Literal | Call | Piped

/** What would have had to stand at `at`. */
export type Missing = { at: number; what: 'name' | 'close' | 'quote' | 'end' | 'deep' }
export type Read = { expression: Expression; missing: null } | { expression: null; missing: Missing }

/** As deep as the server reads. */
const MOST_DEEP = 64

/** The whole text, or what is wrong with it. */
export function read(text: string): Read {
  const reader = new Reader(text)
  const found = reader.expression(0)
  const end = found ? reader.blanks(found.end) : 0
  if (found && end === text.length) return { expression: found, missing: null }
  if (reader.tooDeep !== null) return { expression: null, missing: { at: reader.tooDeep, what: 'deep' } }
  // A path takes nearly anything: what stands behind it is in the way, unless something was left open further on.
  return { expression: null, missing: reader.missing ?? { at: end, what: 'end' } }
}

class Reader {
  readonly text: string
  missing: Missing | null = null
  tooDeep: number | null = null
  #depth = 0

  constructor(text: string) {
    this.text = text
  }

  expression(at: number): Expression | null {
    if (this.#depth >= MOST_DEEP) return this.#miss((this.tooDeep = at), 'deep')
    this.#depth++
    const found = this.#piped(at)
    this.#depth--
    return found
  }

  #piped(at: number): Expression | null {
    const base = this.#call(at) ?? this.#path(at)
    if (!base) return null
    const calls: Call[] = []
    for (let end = base.end; ; end = calls[calls.length - 1].end) {
      const bar = this.blanks(end)
      const call = this.text[bar] === '|' ? this.#call(bar + 1) : null
      if (call) calls.push(call)
      else if (this.text[bar] === '|') this.#miss(bar + 1, 'name')
      else if (bar < this.text.length) this.#miss(bar, 'end')
      if (!call) break
    }
    return calls.length ? { kind: 'piped', base, calls, start: base.start, end: calls[calls.length - 1].end } : base
  }

  #call(at: number): Call | null {
    const start = this.blanks(at)
    const name = this.#match(/[A-Za-z_]\w*/y, start)
    if (!name) return null
    const open = this.blanks(start + name.length)
    if (this.text[open] !== '(') return null
    const args: Argument[] = []
    let end = open + 1
    for (;;) {
      const next = this.#argument(end, args)
      if (!next) break
      args.push(next)
      end = next.end
      const comma = this.blanks(end)
      if (this.text[comma] !== ',') break
      end = comma + 1
      if (this.text[this.blanks(end)] === ')') return this.#miss(this.blanks(end), 'name')
    }
    const close = this.blanks(end)
    if (this.text[close] !== ')') return this.#miss(close, 'close')
    return { kind: 'call', name, args, start, end: close + 1 }
  }

  /** Keywords stand last, and never alone. */
  #argument(at: number, before: Argument[]): Argument | null {
    const start = this.blanks(at)
    const keyword = this.#match(/[A-Za-z_]\w*(?=[ \t\r\n]*=)/y, start)
    if (keyword === null && before.some((one) => one.keyword !== null)) return null
    if (keyword !== null && before.length === 0) return null
    const value = this.#value(keyword === null ? start : this.text.indexOf('=', start) + 1)
    return value && { keyword, value, start, end: value.end }
  }

  #value(at: number): Expression | null {
    const start = this.blanks(at)
    const word = this.#match(/(?:true|false|none|inf)(?![\w$])/iy, start)
    if (word !== null) return { kind: 'word', start, end: start + word.length }
    const number = this.#match(/-?\d+(?:\.\d+)?(?:e-?\d+)?(?=[ \t\r]*(?:\n|$|[ \t\r\n]*[,)]))/iy, start)
    if (number !== null) return { kind: 'number', start, end: start + number.length }
    if (/['"]/.test(this.text[start] ?? '')) return this.#string(start)
    return this.expression(start)
  }

  /** On one line. A doubled quote and a backslash with what follows it do not end it. */
  #string(start: number): Literal | null {
    const quote = this.text[start]
    let at = start + 1
    while (at < this.text.length && !/[\r\n]/.test(this.text[at])) {
      if (this.text[at] === quote && this.text[at + 1] !== quote) return { kind: 'string', start, end: at + 1 }
      if (/^\\x(?![\da-f])/i.test(this.text.slice(at, at + 3))) return this.#miss(at, 'quote')
      at += this.text[at] === quote || this.text[at] === '\\' ? 2 : 1
    }
    return this.#miss(Math.min(at, this.text.length), 'quote')
  }

  #path(at: number): Path | null {
    const start = this.blanks(at)
    const path = this.#match(PATH, start)
    if (!path) return this.#miss(start, 'name')
    return { kind: 'path', start, end: start + path.length }
  }

  blanks(at: number): number {
    while (/[ \t\r\n]/.test(this.text[at] ?? '')) at++
    return at
  }

  #match(pattern: RegExp, at: number): string | null {
    pattern.lastIndex = at
    return pattern.exec(this.text)?.[0] ?? null
  }

  /** The furthest place counts: up to there something was understood. */
  #miss(at: number, what: Missing['what']): null {
    if (!this.missing || at >= this.missing.at) this.missing = { at, what }
    return null
  }
}

/** Pieces, `\` before a symbol, and lists such as `{a,b}`; nodes are divided by dots, and only the first may be empty. */
const PIECE = String.raw`(?:\\[(){},.'"\\|=]|[^\s\x00-\x1f\x7f(){},.'"\\|])`
const ELEMENT = String.raw`(?:${PIECE}|\{${PIECE}+(?:,${PIECE}+)*\})+`
const PATH = new RegExp(String.raw`${ELEMENT}(?:\.${ELEMENT})*`, 'y')

/** Nodes of a path as they are written: dots behind a backslash or in a list do not divide. */
export function pathNodes(path: string): string[] {
  const nodes = ['']
  for (const [piece] of path.matchAll(/\\.|\{[^{}]*\}|[^]/g)) {
    if (piece === '.') nodes.push('')
    else nodes[nodes.length - 1] += piece
  }
  return nodes
}

/** The alternatives of `{a,b}` alone, or the node itself. */
export function alternatives(node: string): string[] {
  return /^\{[^{}]*\}$/.test(node) ? node.slice(1, -1).split(',') : [node]
}

export function asNode(names: string[]): string {
  return names.length === 1 ? names[0] : `{${names.join(',')}}`
}

export const hasPattern = (node: string) => /[*?[{]/.test(node.replace(/\\./g, ''))
