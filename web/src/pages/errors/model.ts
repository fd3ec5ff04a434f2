/** The list of what comes in, worked out of one answer and of what is on the screen. Pure. */
import { LEVELS, SORTS, STATUSES, type ErrorGroup, type ErrorSort, type Release, type Series, type Tag, type Until, type Wanted, type WholeGroup } from '../../api/errors.ts'
import type { Incident } from '../../api/types.ts'
import type { MarkState } from '../../parts/StateMark.svelte'
import { compactOffset, offsetSeconds } from '../../plain/span.ts'

/** Who may do something about an error. */
export const NEEDED = 'responder'

export const FILTERS = ['project', 'status', 'level', 'release', 'environment', 'assigned'] as const
export type Filter = (typeof FILTERS)[number]

/** As the URL says; what it says wrongly is left out. Of no status one looks at what is open. */
export function wantedOf(more: Record<string, string>): Wanted & { sort: ErrorSort } {
  const known = <T extends string>(text: string | undefined, of: readonly T[]) => of.find((one) => one === text)
  return {
    project: more.project, status: more.status === 'all' ? undefined : (known(more.status, STATUSES) ?? 'unresolved'), level: known(more.level, LEVELS),
    release: more.release, environment: more.environment, assigned: more.assigned, tag: more.tag?.includes(':') ? more.tag : undefined, q: more.find, sort: known(more.sort, SORTS) ?? 'last',
  }
}

/** A shape and a colour that tell how bad it is. */
export const markOfLevel = (level: ErrorGroup['level']): MarkState => (level === 'fatal' || level === 'error' ? 'critical' : level === 'warning' ? 'warning' : 'unknown')

const LEAST = 10
const TIMES = 5

/** In its last hour so many more than in the others: it is not counted against days, which a young group has not. */
export function isSpike({ hours }: Pick<ErrorGroup, 'hours'>): boolean {
  if (hours === null || hours.length < 4) return false
  const now = hours[hours.length - 1]
  const before = hours.slice(0, -1)
  const usual = before.reduce((sum, count) => sum + count, 0) / before.length
  return now >= LEAST && now > TIMES * usual && before.some((count) => count > 0)
}

const YOUNG_S = 7200

/** All of it was within two hours: new, though not by a deploy, or of what says no release. */
export function isYoung({ hours, first_seen, last_seen }: Pick<ErrorGroup, 'hours' | 'first_seen' | 'last_seen'>): boolean {
  if (hours === null || last_seen - first_seen >= YOUNG_S) return false
  return hours.slice(0, -2).every((count) => count === 0) && hours.slice(-2).some((count) => count > 0)
}

/** `said`: words of users about no error. */
export const SECTIONS = ['fresh', 'young', 'back', 'spike', 'said', 'rest'] as const
export type Section = (typeof SECTIONS)[number]
/** Those that somebody should look at now. */
export const TELLING = ['fresh', 'young', 'back', 'spike'] as const satisfies readonly Section[]
export type TellingSection = (typeof TELLING)[number]

/** Why it stands where it stands: what is new since the deploy before all. What somebody has dealt with is told of no more. */
export function sectionOf(group: ErrorGroup): Section {
  if (group.status !== 'unresolved') return 'rest'
  if (group.kind === 'feedback') return 'said'
  if (group.is_new_since_deploy) return 'fresh'
  // What was dealt with, and is there again, is more than new.
  if (group.regressed_at) return 'back'
  if (isYoung(group)) return 'young'
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

/** Why somebody is to be told of it, as a key that is another one when it comes back; null: there is no reason. */
function newsOf(group: ErrorGroup): string | null {
  const section = sectionOf(group)
  if (section === 'fresh' || section === 'young') return `${group.id}`
  return section === 'back' ? `${group.id} back ${group.regressed_at}` : null
}

/** What is told of once: those that have become new, or come back, since the list was seen first. */
export function arrived(known: ReadonlySet<string> | null, groups: ErrorGroup[]): { known: Set<string>; news: ErrorGroup[] } {
  const keys = new Map(groups.flatMap((group) => ((key) => (key === null ? [] : [[key, group] as const]))(newsOf(group))))
  const news = known === null ? [] : [...keys].filter(([key]) => !known.has(key)).map(([, group]) => group)
  return { known: new Set([...(known ?? []), ...keys.keys()]), news }
}

/** One name for what is new, where all of it began in one release. */
export function deployOf(groups: ErrorGroup[]): string | null {
  const releases = new Set(groups.filter((group) => sectionOf(group) === 'fresh').map(({ release_first }) => release_first))
  return releases.size === 1 ? [...releases][0] : null
}

export type Counts = Record<Section, number> & { all: number; worst: ErrorGroup | null }

export function countsOf(groups: ErrorGroup[]): Counts {
  const counts: Counts = { fresh: 0, young: 0, back: 0, spike: 0, said: 0, rest: 0, all: groups.length, worst: null }
  for (const group of groups) counts[sectionOf(group)]++
  const section = TELLING.find((one) => counts[one] > 0)
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

/** `7d`; `100`, or `100 in 1h`; a number of people; a release. null: it is not such a text. For ever is what nothing is said of. */
export function untilOf(kind: UntilKind, text: string, now: number): Until | undefined | null {
  const written = text.trim()
  if (kind === 'forever') return undefined
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
  return seconds ? { events: count, within: compactOffset(seconds) } : null
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
export function releasesOf(known: Release[], series: Series[], groups: Pick<ErrorGroup, 'release_first'>[]): ReleaseRow[] {
  const sums = series.map(({ name, points }) => ({ name, count: points.reduce((sum, [, count]) => sum + count, 0) }))
  const counts = new Map(sums.filter(({ name }) => name !== '').map(({ name, count }) => [name, count]))
  const all = sums.reduce((sum, { count }) => sum + count, 0)
  const fresh = (version: string) => groups.filter(({ release_first }) => release_first === version).length
  const firsts = new Map(known.map(({ release, first_seen }) => [release, first_seen]))
  const versions = [...firsts.keys(), ...[...counts.keys()].filter((name) => !firsts.has(name))]
  return versions.map((version) => ({ version, first: firsts.get(version) ?? null, count: counts.get(version) ?? 0, share: all === 0 ? 0 : (counts.get(version) ?? 0) / all, fresh: fresh(version) }))
}

const DECIDES = ['opened', 'resolved', 'ignored', 'reopened', 'regressed', 'unignored']

/** It was resolved and came back, and that is the last thing that has decided about it. The newest is first. */
export const isBack = ({ status, activity }: Pick<WholeGroup, 'status' | 'activity'>): boolean => status === 'unresolved' && activity.find(({ kind }) => DECIDES.includes(kind))?.kind === 'regressed'

const HOUR_S = 3600
/** More lines than these tell nothing. */
const MOST_DEPLOYS = 3

/** Releases that began within the hours that are drawn, and how many hours before the end of the present one; the newest first. */
export function deploysOf(releases: WholeGroup['releases'], now: number, hours: number): { release: string; before: number }[] {
  const end = (Math.floor(now / HOUR_S) + 1) * HOUR_S
  const all = releases.flatMap(({ release, first_seen }) => (first_seen === null ? [] : [{ release, before: (end - first_seen) / HOUR_S }]))
  return all.filter(({ before }) => before > 0 && before < hours).slice(0, MOST_DEPLOYS)
}

/** Of its events that say of a release. */
export function sharesOf(releases: WholeGroup['releases']): { release: string; share: number }[] {
  const all = releases.reduce((sum, { count }) => sum + count, 0)
  return all === 0 ? [] : releases.map(({ release, count }) => ({ release, share: count / all }))
}

/** The open incidents that it is in: its reason in one is `errors:RULE/PROJECT/NUMBER`. */
export function incidentsOf<T extends Pick<Incident, 'reason' | 'also'>>({ project_name, short }: Pick<ErrorGroup, 'project_name' | 'short'>, open: T[]): T[] {
  const end = `/${project_name}/${short.slice(short.lastIndexOf('-') + 1)}`
  const is = (reason: string) => reason.startsWith('errors:') && reason.endsWith(end)
  return open.filter(({ reason, also }) => is(reason) || also.some(is))
}
