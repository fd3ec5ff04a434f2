/** Which incident to speak of first. Pure. */
import type { Incident } from '../api/types.ts'
import { badness } from './states.ts'

/** Those that nobody has before those that somebody has, then the worst, then the oldest. */
export function worstFirst(incidents: Incident[]): Incident[] {
  const rank = ({ phase, snoozed_until }: Incident) => (phase === 'open' && snoozed_until === null ? 0 : phase === 'resolved' ? 2 : 1)
  return [...incidents].sort((a, b) => rank(a) - rank(b) || (a.phase === 'resolved' ? (b.closed ?? 0) - (a.closed ?? 0) : badness(b.severity) - badness(a.severity) || a.opened - b.opened))
}

export const openOnes = (incidents: Incident[]) => worstFirst(incidents.filter(({ phase }) => phase !== 'resolved'))

/** Who has it: since it was taken or handed over, else who acknowledged it first. */
export const ownerOf = ({ owner, acknowledged }: Pick<Incident, 'owner' | 'acknowledged'>): string | null => owner ?? acknowledged?.by ?? null
