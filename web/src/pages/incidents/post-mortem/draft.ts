/** What somebody writes and has not saved outlives a reload of this tab, and nothing more. */
import type { Text } from '../../../api/learning.ts'

/** `version`: the one that it was written upon. */
export type Draft = { version: number; text: Text }

const keyOf = (id: number) => `draft of post-mortem ${id}`

export function keep(id: number, draft: Draft | null, storage: Pick<Storage, 'setItem' | 'removeItem'>) {
  try {
    if (draft) storage.setItem(keyOf(id), JSON.stringify(draft))
    else storage.removeItem(keyOf(id))
  } catch {
    // Full or forbidden: then it lives as long as the page.
  }
}

export function recall(id: number, storage: Pick<Storage, 'getItem'>): Draft | null {
  try {
    const kept = JSON.parse(storage.getItem(keyOf(id)) ?? 'null') as Draft | null
    const whole = kept !== null && Number.isInteger(kept.version) && typeof kept.text?.title === 'string' && [kept.text.timeline, kept.text.redact, kept.text.keep].every(Array.isArray)
    return whole ? kept : null
  } catch {
    return null
  }
}
