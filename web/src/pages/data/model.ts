/** What the Data page says, worked out of one answer. Pure. */
import type { HealthAnswer, Part, PartState } from '../../api/types.ts'

const KINDS = ['listener', 'collector', 'forward', 'queue', 'evaluator', 'store']
const WORST: Record<PartState, number> = { critical: 0, warning: 1, ok: 2, off: 3 }

export type Kind = { kind: string; parts: Part[] }

/** Parts by kind in the order in which a point passes them; in each kind the worst first. */
export function byKind(parts: Part[]): Kind[] {
  const order = (kind: string) => (KINDS.includes(kind) ? KINDS.indexOf(kind) : KINDS.length)
  const kinds = [...new Set(parts.map(({ kind }) => kind))].sort((a, b) => order(a) - order(b))
  return kinds.map((kind) => ({ kind, parts: parts.filter((part) => part.kind === kind).sort((a, b) => WORST[a.state] - WORST[b.state]) }))
}

export type Loss = { cause: string; total: number; last_minute: number; help: string }

/** What a part lost, what it loses now first; causes that never happened are left out. */
export function losses(part: Part): Loss[] {
  return part.dropped.filter(({ total }) => total > 0).sort((a, b) => b.last_minute - a.last_minute || b.total - a.total)
}

export function totalMemory(answer: HealthAnswer): number {
  return answer.storage.memory.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Shares of a whole for bars, largest first. */
export function shares<T extends { bytes: number }>(all: T[]): (T & { share: number })[] {
  const largest = Math.max(1, ...all.map(({ bytes }) => bytes))
  return [...all].sort((a, b) => b.bytes - a.bytes).map((one) => ({ ...one, share: one.bytes / largest }))
}

/** Whoever deployed something that is refused or unreadable should see it here, in one line each. */
export function notices(answer: HealthAnswer): { refused: number; unreadable: number; quarantined: number; gaps: number } {
  return {
    refused: answer.refused.total,
    unreadable: answer.bad_lines.length,
    quarantined: answer.storage.quarantined.length,
    gaps: answer.storage.gaps.length,
  }
}

export type Verdict = 'less' | 'more' | 'same'
export function verdict(now: number, then: number): Verdict {
  if (Math.abs(then - now) <= now * 0.005) return 'same'
  return then < now ? 'less' : 'more'
}
