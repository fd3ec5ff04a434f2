/** What services say together. Pure. */
import type { ServiceItem } from '../api/types.ts'
import { badness, isTrouble } from './states.ts'

/** Ours before what others run, then the worst, then by name. */
export function worstFirst(services: ServiceItem[]): ServiceItem[] {
  return [...services].sort((a, b) => badness(b.state) - badness(a.state) || Number(a.external) - Number(b.external) || a.name.localeCompare(b.name))
}

/** The service to speak of: the worst of ours, and whoever else is in trouble. */
export function spokenOf(services: ServiceItem[]): { first: ServiceItem; others: number } | null {
  const troubled = worstFirst(services).filter(({ state }) => isTrouble(state))
  const first = troubled.find(({ external }) => !external) ?? troubled[0]
  return first ? { first, others: troubled.length - 1 } : null
}

/** Rounded down: what is not whole is not called so. */
export function attainedText(percent: number): string {
  const text = (Math.floor(percent * 1000) / 1000).toFixed(3).replace(/\.?0+$/, '')
  return `${text}\u202f%`
}

/** What others run, and is in trouble: nearest to people first. */
export const theirs = (services: ServiceItem[]) => worstFirst(services).filter(({ external, state }) => external && isTrouble(state))

/** Of those that it needs and that fail too: the one that others run, or the nearest. */
export function culprit(service: ServiceItem, all: ServiceItem[]): ServiceItem | null {
  const causes = service.causes.flatMap((name) => all.find((one) => one.name === name) ?? [])
  return causes.find(({ external }) => external) ?? causes[0] ?? null
}
