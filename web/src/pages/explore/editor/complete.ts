/** What could stand at the caret: functions with help, names with their last values, and what an argument may be. */
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import { children, findSeries, functions } from '../../../api/calls.ts'
import type { GraphiteFunction } from '../../../api/types.ts'
import { formatted } from '../../../plain/number.ts'
import { caretAt, type Caret } from '../../../plain/target.ts'
import { words } from '../../../words.ts'
import { plainText } from './help.ts'
import { INTERVALS } from './kinds.ts'

const MOST_NAMES = 30

export async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  const text = context.state.doc.toString()
  const caret = caretAt(text, context.pos)
  if (!caret.token && !context.explicit && !/[(,|]\s*$/.test(text.slice(0, context.pos))) return null
  const from = caret.token?.start ?? context.pos
  const typed = text.slice(from, context.pos)
  const known = await functions().catch(() => new Map<string, GraphiteFunction>())
  const kinds = argumentChoices(known, caret)
  if (kinds) return { from, options: kinds, validFor: /^['"\w.-]*$/ }
  if (caret.token?.kind === 'string' || caret.token?.kind === 'number') return null
  const names = await nameChoices(typed, context)
  const dotted = /[.{*?]/.test(typed)
  return { from, options: dotted ? names : [...names, ...functionChoices(known)], filter: !dotted, validFor: dotted ? undefined : /^\w*$/ }
}

function functionChoices(known: Map<string, GraphiteFunction>): Completion[] {
  return [...known.values()].map((one) => ({
    label: one.name,
    detail: one.group,
    type: 'function',
    boost: -1,
    apply: `${one.name}(`,
    info: () => info(one),
  }))
}

function info(one: GraphiteFunction): HTMLElement {
  const box = document.createElement('div')
  const head = document.createElement('code')
  head.textContent = one.function
  const text = document.createElement('p')
  text.textContent = plainText(one.description)
  box.append(head, text)
  return box
}

/** Folders one step further, then whole names that contain what was typed. */
async function nameChoices(typed: string, context: CompletionContext): Promise<Completion[]> {
  const abort = new AbortController()
  context.addEventListener('abort', () => abort.abort(), { onDocChange: true })
  const cut = typed.lastIndexOf('.')
  const under = typed.slice(0, Math.max(0, cut))
  const rest = typed.slice(cut + 1)
  const [nodes, found] = await Promise.all([
    /[{*?[]/.test(rest) ? [] : children(under, abort.signal).catch(() => []),
    /[{*?[(]/.test(typed) ? null : findSeries(typed.replaceAll('.', ' ').trim(), { limit: MOST_NAMES }, abort.signal).catch(() => null),
  ])
  const steps = nodes
    .filter((node) => node.expandable && node.text.toLowerCase().startsWith(rest.toLowerCase()))
    .slice(0, MOST_NAMES)
    .map((node) => ({ label: `${node.id}.`, detail: words.explore.targets.folder, boost: 2 }))
  const names = (found?.series ?? [])
    .filter(({ name }) => !typed.includes('.') || name.toLowerCase().startsWith(typed.toLowerCase()))
    .map((one) => ({ label: one.name, detail: formatted(one.last_value, one.unit), boost: 1 }))
  return [...steps, ...names]
}

/** An argument with a closed set of values, or an interval, offers them. */
function argumentChoices(known: Map<string, GraphiteFunction>, { call, argument, token }: Caret): Completion[] | null {
  const param = call ? known.get(call)?.params[argument] : undefined
  if (!param || argument === 0) return null
  const quote = (value: string) => ({ label: `'${value}'`, detail: param.name })
  if (param.options?.length) return param.options.map(quote)
  if (param.type === 'boolean') return ['true', 'false'].map((label) => ({ label, detail: param.name }))
  if (/interval/i.test(param.type) && (!token || token.kind === 'string')) return INTERVALS.map((text, index) => ({ ...quote(text), boost: -index }))
  return null
}
