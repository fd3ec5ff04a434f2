/** The pager proved on its own past: answers as they come over the wire, and the calls. */
import { ask } from './client.ts'

export type OfContact = { pages: number; at_night: number; nights_woken: number }
export type Weight = OfContact & { contacts: Record<string, OfContact> }
export type Verdict = 'earlier' | 'same' | 'later' | 'missed' | 'new' | 'unseen' | 'unknown'
export type Judged = { start: number; end: number; title: string; sent: number | null; would: number | null; verdict: Verdict; with_proposals: number | null }
export type OfRule = { rule: string; shadow: boolean; sent: number; would: number; at_night: number; useful: number; useless: number }
export type Proposal = {
  rule: string
  kind: 'for' | 'threshold' | 'grouping' | 'repeats' | 'dependency' | 'delete'
  what: string
  pages_before: number
  pages_after: number
  at_night_before: number
  at_night_after: number
  caught_before: number
  caught_after: number
  replaces: string | null
  toml: string
}
export type Doubt = { rule: string; from: number; until: number; reason: string }
/** Of everybody: not told to whoever sees a part. */
type Sums = {
  sentence: string
  sent: Weight
  would: Weight
  of_shadow: number
  proposed: Weight
  nights: number
  /** Nights in which nobody woke them. */
  slept: Record<string, { sent: number; would: number; proposed: number }>
  labels: Judged[]
}
export type PartOfProof = {
  from: number
  until: number
  known_from: number | null
  first_report_at: number | null
  rules: OfRule[]
  proposals: Proposal[]
  doubts: Doubt[]
  unfinished: boolean
}
export type Proof = PartOfProof & Sums
/** `author` and `sentence` are empty for whoever sees a part. */
export type ProofItem = { id: number; made: number; author: string; from: number; until: number; state: 'running' | 'done' | 'failed'; share: number; sentence: string }
export type ProofAnswer = ProofItem & { error: string | null; proof: Proof | PartOfProof | null }
export type Question = { from: string; tz: string; outages: string }

export const proofs = async (signal?: AbortSignal) => (await ask<{ proofs: ProofItem[] }>('/api/v1/proof', { signal })).proofs
export const proof = (id: string, signal?: AbortSignal) => ask<ProofAnswer>(`/api/v1/proof/${encodeURIComponent(id)}`, { signal })
export const begin = (question: Question) => ask<ProofItem>('/api/v1/proof', { method: 'POST', body: question })
