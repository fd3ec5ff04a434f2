/** What could stand at the caret: functions with help and a preview, names with their last values, and what an argument may be. */
import { startCompletion, type Completion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import type { EditorView } from '@codemirror/view'
import { children, findSeries, functions, tagNames, tagValues } from '../../../api/calls.ts'
import type { FunctionParam, GraphiteFunction } from '../../../api/types.ts'
import { firstArguments, quoted, takesSeries } from '../../../plain/chain.ts'
import { read } from '../../../plain/expression.ts'
import { formatted } from '../../../plain/number.ts'
import type { Span } from '../../../plain/span.ts'
import { caretAt, closed, tokens, type Caret } from '../../../plain/target.ts'
import { words } from '../../../words.ts'
import { nodeValues } from '../nodes.ts'
import { about } from './about.ts'
import { kindOf, plainText } from './help.ts'
import { INTERVALS } from './kinds.ts'

const MOST_NAMES = 30

/** What completion needs to know of the page around the editor. */
export type Around = { span(): Span; series(): string | null }

/** The text around what is being written. */
type Place = { before: string; typed: string; after: string; from: number; caret: Caret; context: CompletionContext; around: Around }

export const complete = (around: Around) => async (context: CompletionContext): Promise<CompletionResult | null> => {
  const text = context.state.doc.toString()
  const caret = caretAt(text, context.pos)
  if (!caret.token && !context.explicit && !/[(,|]\s*$/.test(text.slice(0, context.pos))) return null
  const from = caret.token?.start ?? context.pos
  const place: Place = { before: text.slice(0, from), typed: text.slice(from, context.pos), after: text.slice(caret.token?.end ?? context.pos), from, caret, context, around }
  const known = await functions().catch(() => new Map<string, GraphiteFunction>())
  if (caret.call === 'seriesByTag') return tagChoices(place)
  const kinds = await argumentChoices(known, place)
  if (kinds) return { from, options: kinds, validFor: /^['"\w.-]*$/ }
  if (caret.token?.kind === 'string' || caret.token?.kind === 'number') return null
  const names = await nameChoices(place)
  const dotted = /[.{*?]/.test(place.typed)
  return { from, options: dotted ? names : [...names, ...functionChoices(known, place)], filter: !dotted, validFor: dotted ? undefined : /^\w*$/ }
}

/** The target as it would be, as far as it can be drawn; null if something is still missing. */
function drawable({ before, after }: Place, insert: string): string | null {
  for (const rest of [after, '']) {
    const text = closed(before + insert + rest)
    if (read(text).expression) return text
  }
  return null
}

function functionChoices(known: Map<string, GraphiteFunction>, place: Place): Completion[] {
  const piped = /\|\s*$/.test(place.before)
  return [...known.values()]
    .filter((one) => !piped || (one.params[0] && takesSeries(one.params[0])))
    .map((one) => ({
      label: one.name,
      // The group with the best match comes first.
      section: { name: one.group, rank: 'dynamic' as const },
      apply: call,
      info: () => about({ head: one.function, text: plainText(one.description), params: one.params, target: drawable(place, called(one, piped, place)) }, place.around.span()),
    }))
}

/** With the arguments it needs, on the series that are there. */
function called(one: GraphiteFunction, piped: boolean, { around }: Place): string {
  const series = around.series() ?? ''
  const first = one.params[0] && takesSeries(one.params[0])
  const args = first ? firstArguments(one.params, series) : firstArguments([one.params[0], ...one.params], series)
  return `${one.name}(${[...(piped || !first ? [] : [series]), ...args].join(', ')})`
}

/** The caret goes between the parentheses; those that are there already are used. */
function call(view: EditorView, { label }: Completion, from: number, to: number) {
  const open = view.state.sliceDoc(to, to + 1) === '('
  view.dispatch({ changes: { from, to, insert: open ? label : `${label}()` }, selection: { anchor: from + label.length + 1 }, userEvent: 'input.complete' })
}

/** Folders one step further, then whole names that contain what was typed. */
async function nameChoices(place: Place): Promise<Completion[]> {
  const { typed, context } = place
  const { signal } = aborting(context)
  const cut = typed.lastIndexOf('.')
  const under = typed.slice(0, Math.max(0, cut))
  const rest = typed.slice(cut + 1)
  const [nodes, found] = await Promise.all([
    /[{*?[]/.test(rest) ? [] : children(under, signal).catch(() => []),
    /[{*?[(]/.test(typed) ? null : findSeries(typed.replaceAll('.', ' ').trim(), { limit: MOST_NAMES }, signal).catch(() => null),
  ])
  const t = words.explore.complete
  const section = { name: t.names, rank: 'dynamic' as const }
  const shown = (head: string, text: string, target: string) => () => about({ head, text, target: drawable(place, target) }, place.around.span())
  const steps = nodes
    .filter((node) => node.expandable && node.text.toLowerCase().startsWith(rest.toLowerCase()))
    .slice(0, MOST_NAMES)
    .map((node) => ({ label: `${node.id}.`, detail: words.explore.targets.folder, section, boost: 2 }))
  const names = (found?.series ?? [])
    .filter(({ name }) => !typed.includes('.') || name.toLowerCase().startsWith(typed.toLowerCase()))
    .map(({ name, level, last_value, unit }) => {
      const said = level ? words.levels[level] : null
      return { label: name, detail: t.last(formatted(last_value, unit), said), section, boost: 1, info: shown(name, t.name(said), name) }
    })
  return [...steps, ...names]
}

function aborting(context: CompletionContext): AbortController {
  const abort = new AbortController()
  context.addEventListener('abort', () => abort.abort(), { onDocChange: true })
  return abort
}

/** An argument with a closed set of values, an interval or a node offers them; null where series are wanted. */
async function argumentChoices(known: Map<string, GraphiteFunction>, place: Place): Promise<Completion[] | null> {
  const { call, argument, token } = place.caret
  const params = (call ? known.get(call)?.params : undefined) ?? []
  const last = params[params.length - 1]
  const param = params[argument] ?? (last?.multiple ? last : undefined)
  if (!call || !param || takesSeries(param)) return null
  const fits = !token || token.kind === 'string' || token.kind === 'number' || token.kind === 'word' || param.options !== undefined
  const offered = fits ? await values(param, place) : []
  if (offered.length === 0) return null
  return offered.map(({ label, detail }, index) => ({
    label, detail, boost: -index, section: param.name,
    info: () => about({ head: `${call}: ${param.name}`, text: kindOf(param), target: drawable(place, label) }, place.around.span()),
  }))
}

type Offered = { label: string; detail: string }

async function values(param: FunctionParam, place: Place): Promise<Offered[]> {
  const plain = (label: string) => ({ label, detail: '' })
  const asText = (value: unknown) => (typeof value === 'string' ? (quoted(value) ?? `'${value}'`) : value === null ? 'None' : String(value))
  if (param.options?.length) return param.options.map((value) => plain(asText(value)))
  if (param.type === 'boolean') return ['true', 'false'].map((value) => plain(value))
  if (/^(node|tag)/i.test(param.type)) return nodes(param, place)
  const suggested = [...(param.suggestions ?? []), ...(/interval/i.test(param.type) ? INTERVALS : [])]
  return [...new Set(suggested)].map((value) => plain(asText(value)))
}

/** Node numbers with what each reads for these series; names of tags where series are found by tags. */
async function nodes({ type }: FunctionParam, { before, caret, context }: Place): Promise<Offered[]> {
  const { signal } = aborting(context)
  const t = words.explore.complete
  const within = tokens(before).filter(({ kind }) => kind === 'path')
  const path = within.find(({ start }) => start >= caret.open) ?? within[0]
  const numbers = path && type !== 'tag' ? await nodeValues(path.text, signal).catch(() => []) : []
  const tags = type === 'node' || path ? [] : await tagNames('', [], signal).catch(() => [])
  return [...numbers.map((names, index) => ({ label: String(index), detail: t.node(index, names) })), ...tags.map((tag) => ({ label: `'${tag}'`, detail: t.tag }))]
}

/** Inside seriesByTag: tags, then their values among the series that the other expressions leave. */
async function tagChoices(place: Place): Promise<CompletionResult | null> {
  const { caret, before, after, context, from } = place
  const { signal } = aborting(context)
  const t = words.explore.complete
  const inQuotes = caret.token?.kind === 'string'
  const quote = inQuotes ? caret.token!.text[0] : "'"
  const typed = inQuotes ? place.typed.slice(1) : ''
  const others = tokens(before.slice(caret.open)).concat(tokens(after)).flatMap(({ kind, text }) => (kind === 'string' && /=/.test(text) ? [text.slice(1, -1)] : []))
  const parts = /^([^=!~]+)(!?=~?)(.*)$/.exec(typed)
  const found = parts ? await tagValues(parts[1], parts[3], others, signal).catch(() => []) : await tagNames(typed, others, signal).catch(() => [])
  const options = found.map((one): Completion => {
    const whole = parts ? parts[1] + parts[2] + one : `${one}=`
    return { label: whole, detail: parts ? t.tagValue(parts[1]) : t.tag, apply: tag(quote, inQuotes, !parts), info: parts ? () => about({ head: whole, text: '', target: drawable(place, quote + whole + quote) }, place.around.span()) : undefined }
  })
  return options.length ? { from: inQuotes ? from + 1 : from, options, filter: false } : null
}

/** A tag wants a value next; a value closes the quotes. */
const tag = (quote: string, inQuotes: boolean, goesOn: boolean) => (view: EditorView, { label }: Completion, from: number, to: number) => {
  const before = inQuotes ? '' : quote
  const closes = view.state.sliceDoc(to, to + 1) === quote
  const text = before + label + (closes ? '' : quote)
  const end = from + before.length + label.length
  view.dispatch({ changes: { from, to, insert: text }, selection: { anchor: goesOn ? end : end + 1 }, userEvent: 'input.complete' })
  if (goesOn) startCompletion(view)
}
