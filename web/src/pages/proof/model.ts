/** What the page of a proof shows, from the answer. Pure. */
import type { Judged, PartOfProof, Proof, Proposal, Verdict } from '../../api/proof.ts'
import { duration } from '../../plain/number.ts'
import { words as t } from '../../words/proof.ts'

export type Sleeper = { who: string; sent: Night; would: Night; proposed: Night }
export type Night = { slept: number; woken: number }

/** With what is of everybody. */
export const isWhole = (proof: Proof | PartOfProof): proof is Proof => 'sent' in proof

/** Whoever is woken most by these rules first. */
export function sleepers(proof: Proof): Sleeper[] {
  const woken = (weight: 'sent' | 'would' | 'proposed', who: string) => proof[weight].contacts[who]?.nights_woken ?? 0
  const all = Object.entries(proof.slept).map(([who, slept]) => ({
    who,
    sent: { slept: slept.sent, woken: woken('sent', who) },
    would: { slept: slept.would, woken: woken('would', who) },
    proposed: { slept: slept.proposed, woken: woken('proposed', who) },
  }))
  return all.sort((a, b) => b.would.woken - a.would.woken || a.who.localeCompare(b.who))
}

/** How long after its beginning somebody was told. People say by memory when it began, so that it may be before. */
export function toldAfter(label: Judged, at: number | null): string {
  if (at === null) return t.never
  const late = at - label.start
  if (late === 0) return t.at_once
  return late > 0 ? t.after(duration(late)) : t.before(duration(-late))
}

/** All changes as one file for conf.d: what takes the place of a rule stands below its own words. */
export const oneFile = (proposals: Proposal[]): string => proposals.map((one) => one.toml.trim()).join('\n\n') + '\n'

/** `bellwether-monitor-spikes.toml` */
export const fileName = (rule: string): string => `bellwether-${rule.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')}.toml`

const MARKS: Record<Verdict, 'ok' | 'warning' | 'critical' | 'unknown'> = {
  earlier: 'ok', same: 'ok', new: 'ok', later: 'warning', missed: 'critical', unseen: 'critical', unknown: 'unknown',
}
export const verdictMark = (label: Judged) => MARKS[label.verdict]
