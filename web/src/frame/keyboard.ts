/** Single keys and `g x` sequences. Silent while somebody types, and when switched off. */
import { actions } from './actions.svelte.ts'
import { prefs } from './prefs.svelte.ts'

const SEQUENCE_MS = 1200

let first: { key: string; at: number } | null = null

export function onKey(event: KeyboardEvent) {
  if (prefs.keys === 'off' || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
  const target = event.composedPath()[0]
  if (target instanceof Element && (isTyping(target) || target.closest('dialog'))) return
  const sequence = first && event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ${event.key}` : null
  const action = find(sequence) ?? find(event.key)
  first = action ? null : { key: event.key, at: event.timeStamp }
  if (!action?.run) return
  event.preventDefault()
  action.run()
}

function find(keys: string | null) {
  return keys === null ? undefined : actions.all.find((action) => action.run && action.keys.includes(keys))
}

export function isTyping(element: Element): boolean {
  if (element instanceof HTMLInputElement) return !['checkbox', 'radio', 'button'].includes(element.type)
  return element.matches('textarea, select, [contenteditable], [contenteditable] *')
}
