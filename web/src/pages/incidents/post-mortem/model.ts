/** What a post-mortem is made of. Pure. */
import type { Line, Text, WordingHint } from '../../../api/learning.ts'

export const PARTS = ['regret', 'reason', 'remedy'] as const

export const same = (a: Text, b: Text): boolean => JSON.stringify(ordered(a)) === JSON.stringify(ordered(b))
/** The keys in one order, whoever wrote them. */
const ordered = ({ title, regret, reason, remedy, timeline, redact, keep }: Text) => ({ title, regret, reason, remedy, timeline: timeline.map(({ at, role, words, hidden }) => ({ at, role, words, hidden })), redact, keep })

export const hintsAt = (wording: WordingHint[], place: string) => wording.filter((hint) => hint.place === place)

/** One more moment: where the last one is, so that it needs least changing. */
export const nextLine = (lines: Line[], now: number): Line => ({ at: lines[lines.length - 1]?.at ?? Math.floor(now), role: lines[lines.length - 1]?.role ?? '', words: '', hidden: false })

/** An hour before it, in which a rule would have had to fire, and the outage itself. */
const LEAD_S = 3600
export const replayWindow = ({ began, ended }: { began: number; ended: number | null }, now: number) => ({ from: began - LEAD_S, to: Math.min(now, ended ?? now) })

export type Shown = { tag: 'h1' | 'h2' | 'h3' | 'p' | 'li'; text: string }
const SHOWN = 'h1, h2, h3, p, li, tr'
/** The published page as plain lines: nothing of it runs or looks as it likes here. */
export function linesOf(page: Document): Shown[] {
  const deepest = [...page.body.querySelectorAll(SHOWN)].filter((node) => node.querySelector(SHOWN) === null)
  return deepest.map((node) => ({ tag: tagOf(node.tagName.toLowerCase()), text: wordsOf(node) })).filter(({ text }) => text !== '')
}
/** The title that others would read, if a name or an address was taken out of it. */
export function maskedTitle(lines: Shown[]): string | null {
  const title = lines.find(({ tag }) => tag === 'h1')?.text ?? ''
  return /\[(internal|address|telephone|secret)\]/.test(title) ? title : null
}
const tagOf = (name: string): Shown['tag'] => (name === 'tr' ? 'p' : (name as Shown['tag']))
/** Cells and lines stand apart. */
function wordsOf(node: Element): string {
  const pieces = node.tagName === 'TR' ? [...node.children] : [...node.childNodes]
  return pieces.map(({ textContent }) => textContent ?? '').join(' ').replace(/\s+/g, ' ').trim()
}
