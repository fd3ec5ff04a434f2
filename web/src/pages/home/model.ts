/** What Home says, worked out of one answer. Pure. */
import type { NightsAnswer } from '../../api/reports.ts'
import type { Annotation, Group, HomeAnswer, Level, LevelRule, Source } from '../../api/types.ts'
import { LEVELS } from '../../api/types.ts'
import { words } from '../../words.ts'

export type Arrival = Source & { state: 'ok' | 'warning' | 'silent'; silentFor: number | null }

/** A source that sent regularly and then stopped for this long is worth a look; some send only once a minute. */
const LATE_S = 75

export function arrivals(sources: Source[], now: number): Arrival[] {
  return sources.map((source) => {
    const silentFor = source.newest === null ? null : Math.max(0, now - source.newest)
    const state = silentFor === null ? 'silent' : source.regular && silentFor > LATE_S ? 'warning' : 'ok'
    return { ...source, state, silentFor }
  })
}

/** The ways in that people use themselves: what newcomers are told to try. */
export function waysIn(sources: Arrival[]): Arrival[] {
  return sources.filter(({ source, listening }) => listening !== null && (source === 'statsd' || source === 'carbon'))
}

/** True while nobody has sent a number of their own. */
export function nothingOfYourOwn(sources: Arrival[]): boolean {
  return waysIn(sources).every(({ series }) => series === 0)
}

export function totals(answer: HomeAnswer): { rate: number; series: number } {
  const sum = (pick: (source: Source) => number) => answer.arriving.reduce((total, source) => total + pick(source), 0)
  return { rate: sum((source) => source.points_per_second), series: sum((source) => source.series) }
}

export function ofLevel(groups: Group[], level: Level | null): Group[] {
  return level === null ? groups : groups.filter((group) => group.level === level)
}

export function levelCounts(groups: Group[]): Record<Level, number> {
  const counts = { business: 0, feature: 0, system: 0 }
  for (const { level } of groups) counts[level]++
  return counts
}

/** Groups in the order in which a business is looked at, then by name. */
export function sorted(groups: Group[]): Group[] {
  return [...groups].sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || a.prefix.localeCompare(b.prefix))
}

/** The rules with this one in front; an older rule for the same names goes. */
export function withLevel(rules: LevelRule[], prefix: string, level: Level): LevelRule[] {
  const pattern = `${prefix}.**`
  return [{ pattern, level }, ...rules.filter((rule) => rule.pattern !== pattern)]
}

/** Where to send, from the page's point of view: a listener on all addresses is reached under the name in the address bar. */
export function portOf(address: string | null, otherwise: string, page = '127.0.0.1'): { host: string; port: string } {
  const parts = /^(.*):(\d+)$/.exec(address ?? otherwise)
  const host = parts?.[1].replace(/^\[|\]$/g, '') ?? page
  return { host: host === '0.0.0.0' || host === '::' ? page : host, port: parts?.[2] ?? '' }
}

export const deployed = (annotations: Annotation[]): Annotation[] => annotations.filter(({ tags }) => tags.includes('deploy') || tags.includes('flip'))

/** What people suspect first: the last deploy or switch in the quarter of an hour before it. */
const SUSPECT_S = 900
export const shortlyBefore = (deploys: Annotation[], opened: number): Annotation | null => deploys.findLast(({ at }) => at <= opened && opened - at <= SUSPECT_S) ?? null

const MOST_WOKEN = 3
/** Whom a page woke this week. `own`: only one's own nights are told. */
export function wokenOf({ nights, people }: NightsAnswer, own: boolean): string {
  const t = words.home.around.woken
  if (nights === 0) return own ? t.notYou : t.nobody
  if (own) return t.you(nights)
  const named = people.slice(0, MOST_WOKEN).map((one) => `${one.name} ${one.nights}`).join(', ')
  return `${t.nights(named)}${people.length > MOST_WOKEN ? t.more(people.length - MOST_WOKEN) : ''}`
}
