/** Errors: groups of them, their events, and the projects that they are of. Answers as they come over the wire, and the calls. */
import { readable, readableIn } from '../plain/readable.ts'
import { ask, query } from './client.ts'

type Signal = AbortSignal | undefined

export const LEVELS = ['fatal', 'error', 'warning', 'info', 'debug'] as const
export type ErrorLevel = (typeof LEVELS)[number]
export const STATUSES = ['unresolved', 'resolved', 'ignored'] as const
export type ErrorStatus = (typeof STATUSES)[number]
export const SORTS = ['last', 'first', 'count', 'users'] as const
export type ErrorSort = (typeof SORTS)[number]

/** Times are seconds since 1970. `hours`: events of each of the last 24, the present one last; null in lists of more than 200. */
export type ErrorGroup = {
  id: number; short: string; project: number; project_name: string; title: string; culprit: string; level: ErrorLevel; status: ErrorStatus
  count: number; users: number; first_seen: number; last_seen: number
  release_first: string | null; release_last: string | null; environment: string[]; assigned: string | null
  hours: number[] | null; is_new_since_deploy: boolean; unhandled: boolean
  /** When it came back after it was resolved, if nobody has said anything since. */
  regressed_at?: number | null
  /** `exception`, `message`, `security`, or `feedback`: what somebody said of no error. */
  kind?: string
}
/** `share`: of the group's events that have the tag; `usual`: of the project's. */
export type TagValue = { value: string; count: number; last_seen: number; share: number; usual: number }
export type Tag = { key: string; values: TagValue[] }
export type Why = { name: string; value?: string; counts: boolean; hint?: string; parts?: Why[] }
export type GroupHash = { hash: string; version: number; count: number; first_seen: number; last_seen: number; why: Why | null }
export type ReleaseCount = { release: string; count: number; /** The project in it. */ first_seen: number | null }
/** `who`: empty, if it happened by itself. */
export type Deed = { at: number; who: string; kind: string; text: string }
/** Since events are gone, what of them is of which group is not known after a split. `is_here`: the other one's are counted with this group; else this one's with the other. `users`: of this group's so many may be only the other one's. */
export type Unparted = { group: number; short: string | null; is_here: boolean; events: number; users: number }
export type WholeGroup = ErrorGroup & {
  tags: Tag[]; releases: ReleaseCount[]; hashes: GroupHash[]; activity: Deed[]; unparted?: Unparted[]
  /** `page`: to share, it stays the same; without `http.public_url` a path. `new_issue`: the form of the project's tracker, filled in. */
  links?: { page: string; new_issue: string | null }
}
/** Normalised, as Sentry's clients write it, with our own fields behind a `_`; what it holds is for `pages/errors/event.ts` to find out. */
export type ErrorEvent = Record<string, unknown>

/** `max_events_per_5m`: null for what the project may. */
export type ProjectKey = { key: string; label: string; enabled: boolean; created: number; dsn: string; max_events_per_5m?: number | null }
export type Release = { release: string; first_seen: number }
export type Condition = { field: string; pattern: string; not?: boolean }
export type GroupingRule = { when: Condition[]; then: { fingerprint: string[] } | { in_app: boolean } }
export type OwnerRule = { when: Condition[]; owner: string }
export type ScrubRule = { name: string; pattern: string }
/** The keys of docs/errors.md; null: as the configuration says, or none. */
export type ProjectSettings = {
  source_url: string | null; source_root: string; issue_url: string | null; owners: OwnerRule[]; rules: GroupingRule[]; facets: string[]
  retention_days: number | null; max_events_per_5m: number | null; max_transactions_per_5m: number | null; max_sessions_per_5m: number | null; spike_factor: number | null; tee: string | null
  scrub_defaults: boolean; remove_addresses: boolean; scrub_fields: string[]; safe_fields: string[]; scrub_rules: ScrubRule[]; grouping_version: number; /** By which known ones are found too, until then. */ grouping_before?: { version: number; until: number } | null; baseline_until: number | null
}
/** Copies for the Sentry that a project comes from, since the start. `failure`: why the last one was not taken. */
export type TeePassed = { sent: number; refused: number; dropped: number; waiting: number; waiting_bytes: number; last_sent: number | null; failure: string | null }
/** `dsn`: with its newest key that is on. `last_heard`: from before the start of the server, when the newest event came. `releases`: the newest first. */
export type Project = {
  id: number; name: string; created: number; dsn: string | null; keys: ProjectKey[]; last_heard: number | null; client: string | null; environments?: string[]; releases: Release[]
  settings?: ProjectSettings; grouping_newest?: number; /** On the disk. */ kept?: { events: number; bytes: number; oldest: number | null }; tee?: TeePassed | null
}

/** `crash_free`: the share of sessions that did not crash; `adoption`: its part of all sessions. Null: there were none. */
export type ReleaseState = {
  release: string; first_seen: number; released: number | null; url: string | null; deploys: number; commits: number
  groups_new: number; events: number; sessions: number; crashed: number; crash_free: number | null; adoption: number | null
}
export type DeployOf = { environment: string; name: string; url: string; started: number | null; finished: number }
export type CommitOf = { id: string; repository: string; author_name: string; author_email: string; at: number | null; message: string }
export type WholeRelease = ReleaseState & { since: number; deployed: DeployOf[]; changes: CommitOf[] }

/** `exact`: counted over all events, kept or not; of the others `users` and an `event` to look at are known, of these `usual`. */
export type FacetKey = { key: string; events: number; values: number; exact: boolean }
export type FacetValue = { value: string; count: number; share: number; usual: number | null; users: number | null; last_seen: number; event: string | null }
export type Facet = { key: string; exact: boolean; events: number; without: number; other: number; values: FacetValue[] }

/** What is asked for: all of it stands in the URL of the page. */
export type Wanted = { project?: string; status?: string; level?: string; release?: string; /** Seen in it before any other. */ first_release?: string; environment?: string; assigned?: string; tag?: string; q?: string; sort?: string }
/** Longer lists come without hours. */
export const MOST_GROUPS = 200

/** Its words are those of whoever sent it. */
const readableGroup = <G extends ErrorGroup>(group: G): G => readableIn(group, 'title', 'culprit')

export const groups = async (wanted: Wanted, limit: number, signal?: Signal) => (await ask<ErrorGroup[]>(`/api/v1/errors/groups?${query({ ...wanted, limit })}`, { signal })).map(readableGroup)
const groupAt = (id: number | string) => `/api/v1/errors/groups/${encodeURIComponent(id)}`
export const group = async (id: string, signal?: Signal) => readableGroup(await ask<WholeGroup>(groupAt(id), { signal }))
/** The newest first, as they are: who shows one makes it readable. `before`: an event's id; those that came before it. */
export const events = (id: number | string, limit: number, before: string | null, signal?: Signal) => ask<ErrorEvent[]>(`${groupAt(id)}/events?${query({ limit, before })}`, { signal })

/** `within`: a length of time, such as `1h`. */
export type Until = { time: number } | { events: number; within?: string } | { users: number } | { release: string }
/** `in`: `next`, or a release. `until`: left out, for ever. `assign`: empty for nobody. */
export type Change = { status?: ErrorStatus; until?: Until; in?: string; assign?: string }
export const change = (id: number, what: Change) => ask<unknown>(groupAt(id), { method: 'POST', body: what })
/** Others of the project that may be the same: `alike` is the share of what both are found by, 0.5 to 1. */
export type SimilarGroup = ErrorGroup & { alike: number }
export const similar = async (id: number, signal?: Signal) => (await ask<SimilarGroup[]>(`${groupAt(id)}/similar`, { signal })).map(readableGroup)
export const merge = (id: number, into: number) => ask<unknown>(`${groupAt(id)}/merge`, { method: 'POST', body: { into } })
export const split = (id: number, hash: string) => ask<unknown>(`${groupAt(id)}/split`, { method: 'POST', body: { hash } })

/** What its events can be divided by; the values of one. */
export const facets = (id: number | string, signal?: Signal) => ask<{ events: number; facets: FacetKey[] }>(`${groupAt(id)}/facets`, { signal })
export const facet = (id: number | string, key: string, limit: number, signal?: Signal) => ask<Facet>(`${groupAt(id)}/facets/${encodeURIComponent(key)}?${query({ limit })}`, { signal })

export const releases = (project: number | string, limit: number, signal?: Signal) => ask<{ since: number; releases: ReleaseState[] }>(`/api/v1/errors/releases?${query({ project, limit })}`, { signal })
export const release = async (project: number | string, version: string, signal?: Signal) => readableIn(await ask<WholeRelease>(`/api/v1/errors/releases/${encodeURIComponent(version)}?${query({ project })}`, { signal }), 'changes', 'deployed')

/** What a user said. `group`: null, if the event is not kept. */
export type Said = { at: number; name: string; email: string; comments: string; url: string | null; project: number; project_name: string; event: string; group: { id: number; short: string; title: string; status: ErrorStatus; kind: string } | null }
/** The newest first. */
export const feedback = async (of: { project?: string; group?: number }, limit: number, signal?: Signal) => readable(await ask<Said[]>(`/api/v1/errors/feedback?${query({ ...of, limit })}`, { signal }))

export const projects = (signal?: Signal) => ask<Project[]>('/api/v1/errors/projects', { signal })
export const project = (id: number | string, signal?: Signal) => ask<Project>(`/api/v1/errors/projects/${encodeURIComponent(id)}`, { signal })
export const makeProject = (name: string) => ask<Project>('/api/v1/errors/projects', { method: 'POST', body: { name } })
/** `settings` are all of them; keys are switched, and limited, one by one. */
export type ProjectChange = { name?: string; settings?: ProjectSettings; add_key?: { label: string }; keys?: Record<string, boolean>; key_limits?: Record<string, number | null> }
export const changeProject = (id: number, what: ProjectChange) => ask<Project>(`/api/v1/errors/projects/${id}`, { method: 'PUT', body: what })
/** What other settings would do with events that are kept. `to`: null for a group that there is not yet. */
export type Tried = { groups: number; events: number; moves: { from: string; to: string | null; hash: string; title: string; events: number }[]; owners: { group: string; owner: string; assigned: string | null }[] }
export const trySettings = async (id: number, settings: ProjectSettings) => readable(await ask<Tried>(`/api/v1/errors/projects/${id}/try`, { method: 'POST', body: { settings } }))
/** Whether anything has come yet. */
export const hasEvents = async (id: number, signal?: Signal) => (await groups({ project: String(id) }, 1, signal)).length > 0

/** `[at, count]`; times without any are left out. `name`: the release or environment; empty for what says of none. */
export type Series = { name: string; points: [number, number][] }
export type SeriesAnswer = { step: number; from: number; until: number; series: Series[] }
export type SeriesQuestion = { project?: number | string; group?: number; release?: string; what?: 'events' | 'users'; from: number; until: number; by?: 'release' | 'environment' }
export const series = ({ from, until, ...rest }: SeriesQuestion, signal?: Signal) => ask<SeriesAnswer>(`/api/v1/errors/series?${query({ ...rest, from: Math.floor(from), until: Math.ceil(until) })}`, { signal })
