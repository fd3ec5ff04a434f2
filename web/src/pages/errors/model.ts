/** The list of what comes in, worked out of one answer and of what is on the screen. Pure. */
import { LEVELS, SORTS, STATUSES, type ErrorGroup, type ErrorSort, type Release, type Slot, type Tag, type Until, type Wanted } from '../../api/errors.ts'
import type { MarkState } from '../../parts/StateMark.svelte'
import { offsetSeconds } from '../../plain/span.ts'

/** Who may do something about an error. */
export const NEEDED = 'responder'

export const FILTERS = ['project', 'status', 'level', 'release', 'environment'] as const
export type Filter = (typeof FILTERS)[number]

/** As the URL says; what it says wrongly is left out. Of no status one looks at what is open. */
export function wantedOf(more: Record<string, string>): Wanted & { sort: ErrorSort } {
  const known = <T extends string>(text: string | undefined, of: readonly T[]) => of.find((one) => one === text)
  return {
    project: more.project, status: more.status === 'all' ? undefined : (known(more.status, STATUSES) ?? 'unresolved'), level: known(more.level, LEVELS),
    release: more.release, environment: more.environment, q: more.find, sort: known(more.sort, SORTS) ?? 'last',
  }
}

/** A shape and a colour that tell how bad it is. */
export const markOfLevel = (level: ErrorGroup['level']): MarkState => (level === 'fatal' || level === 'error' ? 'critical' : level === 'warning' ? 'warning' : 'unknown')

const LEAST = 10
const TIMES = 5

/** In its last hour so many more than in the others: it is not counted against days, which a young group has not. */
export function isSpike({ hours }: Pick<ErrorGroup, 'hours'>): boolean {
  if (hours.length < 4) return false
  const now = hours[hours.length - 1]
  const before = hours.slice(0, -1)
  const usual = before.reduce((sum, count) => sum + count, 0) / before.length
  return now >= LEAST && now > TIMES * usual && before.some((count) => count > 0)
}

export const SECTIONS = ['fresh', 'back', 'spike', 'rest'] as const
export type Section = (typeof SECTIONS)[number]

/** Why it stands where it stands: what is new since the deploy before all. What somebody has dealt with is told of no more. */
export function sectionOf(group: ErrorGroup): Section {
  if (group.status !== 'unresolved') return 'rest'
  if (group.is_new_since_deploy) return 'fresh'
  if (group.regressed_at) return 'back'
  return isSpike(group) ? 'spike' : 'rest'
}

export type Item = { is: 'head'; section: Section; count: number } | { is: 'row'; group: ErrorGroup }

/** With a line before each section, unless there is only one. Within a section as the server has ordered them. */
export function itemsOf(groups: ErrorGroup[], sort: ErrorSort): Item[] {
  const row = (group: ErrorGroup): Item => ({ is: 'row', group })
  // Whoever has asked for an order gets that one.
  if (sort !== 'last') return groups.map(row)
  const sections = SECTIONS.map((section) => ({ section, of: groups.filter((group) => sectionOf(group) === section) })).filter(({ of }) => of.length)
  if (sections.length === 1 && sections[0].section === 'rest') return groups.map(row)
  return sections.flatMap(({ section, of }): Item[] => [{ is: 'head', section, count: of.length }, ...of.map(row)])
}

/** What is on the screen while somebody reads: the same groups in the same order, with the numbers of now; what has come meanwhile is counted. */
export function held(shown: ErrorGroup[], now: ErrorGroup[]): { groups: ErrorGroup[]; waiting: number } {
  const newest = new Map(now.map((group) => [group.id, group]))
  const known = new Set(shown.map(({ id }) => id))
  // A row keeps its place, and so the reasons for it.
  const place = (was: ErrorGroup, is: ErrorGroup | undefined): ErrorGroup => (is ? { ...is, is_new_since_deploy: was.is_new_since_deploy, regressed_at: was.regressed_at, hours: was.hours, status: is.status } : was)
  return { groups: shown.map((group) => place(group, newest.get(group.id))), waiting: now.filter(({ id }) => !known.has(id)).length }
}

/** One name for what is new, where all of it began in one release. */
export function deployOf(groups: ErrorGroup[]): string | null {
  const releases = new Set(groups.filter((group) => sectionOf(group) === 'fresh').map(({ release_first }) => release_first))
  return releases.size === 1 ? [...releases][0] : null
}

export type Counts = Record<Section, number> & { all: number; worst: ErrorGroup | null }

export function countsOf(groups: ErrorGroup[]): Counts {
  const counts: Counts = { fresh: 0, back: 0, spike: 0, rest: 0, all: groups.length, worst: null }
  for (const group of groups) counts[sectionOf(group)]++
  const section = SECTIONS.find((one) => one !== 'rest' && counts[one] > 0)
  const first = groups.filter((group) => sectionOf(group) === section)
  counts.worst = first.reduce<ErrorGroup | null>((most, group) => (most && (most.users > group.users || (most.users === group.users && most.count >= group.count)) ? most : group), null)
  return counts
}

/** Of a line of bars, how high each is, 0 to 1. */
export function bars(hours: number[]): number[] {
  const most = Math.max(1, ...hours)
  return hours.map((count) => count / most)
}

export const toggled = (selected: ReadonlySet<number>, id: number): Set<number> => {
  const next = new Set(selected)
  if (!next.delete(id)) next.add(id)
  return next
}

export const UNTILS = ['forever', 'time', 'events', 'users', 'release'] as const
export type UntilKind = (typeof UNTILS)[number]

/** `7d`; `100`, or `100 in 1h`; a number of people; a release. null: it is not such a text. */
export function untilOf(kind: UntilKind, text: string, now: number): Until | null {
  const written = text.trim()
  if (kind === 'forever') return 'forever'
  if (kind === 'release') return written ? { release: written } : null
  if (kind === 'time') {
    const seconds = offsetSeconds(written)
    return seconds ? { time: Math.ceil(now + seconds) } : null
  }
  const [, digits, within] = /^(\d{1,9})(?:\s+in\s+(.+))?$/.exec(written) ?? []
  const count = Number(digits ?? 0)
  if (count === 0 || (within !== undefined && kind === 'users')) return null
  if (kind === 'users') return { users: count }
  if (within === undefined) return { events: count }
  const seconds = offsetSeconds(within)
  return seconds ? { events_within: { count, seconds } } : null
}

/** From which difference on a share says something. */
export const TELLS = 0.2

/** The tags first of which some value is here far more often than elsewhere. */
export function mostTelling(tags: Tag[]): Tag[] {
  const excess = ({ values }: Tag) => Math.max(0, ...values.map(({ share, usual }) => share - usual))
  return [...tags].sort((a, b) => excess(b) - excess(a) || a.key.localeCompare(b.key))
}

export type ReleaseRow = { version: string; first: number | null; count: number; share: number; fresh: number }

/** The newest first; those of which events come, and that nobody has announced, behind them. `fresh`: errors that began in it. */
export function releasesOf(known: Release[], slots: Slot[], groups: Pick<ErrorGroup, 'release_first'>[]): ReleaseRow[] {
  const counts = new Map<string, number>()
  for (const { name, count } of slots) if (name !== '') counts.set(name, (counts.get(name) ?? 0) + count)
  const all = slots.reduce((sum, { count }) => sum + count, 0)
  const fresh = (version: string) => groups.filter(({ release_first }) => release_first === version).length
  const firsts = new Map(known.map(({ version, first_seen }) => [version, first_seen]))
  const versions = [...firsts.keys(), ...[...counts.keys()].filter((name) => !firsts.has(name))]
  return versions.map((version) => ({ version, first: firsts.get(version) ?? null, count: counts.get(version) ?? 0, share: all === 0 ? 0 : (counts.get(version) ?? 0) / all, fresh: fresh(version) }))
}
