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

/** Rounded down: what is not whole is not called so. The nearer to all, the more digits tell something. */
export function attainedText(percent: number): string {
  const places = percent >= 99.9 ? 3 : percent >= 99 ? 2 : 1
  const scale = 10 ** places
  // A hair more, so that 99.95 is not 99.949 for being a binary number.
  const text = (Math.floor(percent * scale + 1e-6) / scale).toFixed(places)
  return `${text.replace(/\.?0+$/, '')}\u202f%`
}

export type Blame = { us: string[]; them: string[]; suffers: string[] }

/** Is it us or them? Ours in which trouble begins, what others run and is in trouble, and which of ours suffer from it. Null: neither. */
export function blame(services: ServiceItem[]): Blame | null {
  const troubled = worstFirst(services).filter(({ state }) => isTrouble(state))
  const names = (holds: (one: ServiceItem) => boolean) => troubled.filter(holds).map(({ name }) => name)
  const told = { us: names(({ external, causes }) => !external && causes.length === 0), them: names(({ external }) => external), suffers: names(({ external, fault }) => !external && fault === 'them') }
  return told.us.length + told.them.length > 0 ? told : null
}

/** Of those that it needs and that fail too: the one that others run, or the nearest. */
export function culprit(service: ServiceItem, all: ServiceItem[]): ServiceItem | null {
  const causes = service.causes.flatMap((name) => all.find((one) => one.name === name) ?? [])
  return causes.find(({ external }) => external) ?? causes[0] ?? null
}
