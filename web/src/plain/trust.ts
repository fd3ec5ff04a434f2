/** What speaks against believing a graph, worked out of the server's answer. Pure. */
import type { Trust } from '../api/types.ts'
import type { Stretch } from './lines.ts'

/** How many points were dropped in this window, by cause; what never happened is left out. */
export function losses(trust: Trust): { cause: string; count: number }[] {
  return Object.entries(trust.dropped).filter(([, count]) => count > 0).map(([cause, count]) => ({ cause, count }))
}

/** Stretches without a point: what is stored says it; before its answer what is drawn does. */
export function holes(trust: Trust | null | undefined, drawn: Stretch[]): Stretch[] {
  return trust ? trust.gaps : drawn
}

/** Those of which the same is true, together, in the order in which they first come. */
export function alike<T>(all: T[], key: (one: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one])
  return [...groups.values()]
}
