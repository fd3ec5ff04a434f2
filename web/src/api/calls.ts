/** Every call that pages make, typed. */
import { readableIn } from '../plain/readable.ts'
import { ask, fetchFile, query } from './client.ts'
import type {
  Annotation, AvailabilityAnswer, CheckReplayAnswer, Downtime, HeartbeatAnswer, Noise, Silence, TrialAnswer, ExplainAnswer, FoundSeries, GraphAnswer, GraphiteFunction, HealthAnswer, HistoryAnswer, HomeAnswer, IncidentsAnswer, InventoryAnswer, LevelRule, MonitorDefinition, MonitorDetail, MonitorsAnswer, MovedAnswer, Near, Notification, ReplayAnswer, RetentionAnswer, ServicesAnswer, Status, TreeNode, Trust, Watched, WholeIncident,
} from './types.ts'

type Signal = AbortSignal | undefined

export const status = () => ask<Status>('/api/v1/status')
export const home = (signal?: Signal) => ask<HomeAnswer>('/api/v1/home', { signal })
export const health = (signal?: Signal) => ask<HealthAnswer>('/api/v1/health', { signal })

export const monitors = (signal?: Signal) => ask<MonitorsAnswer>('/api/v1/monitors', { signal })
/** With its members only where they are shown. */
export const services = (signal?: Signal) => ask<ServicesAnswer>('/api/v1/services?members=0', { signal })
export const servicesWhole = (signal?: Signal) => ask<ServicesAnswer>('/api/v1/services', { signal })
export const availability = (signal?: Signal) => ask<AvailabilityAnswer>('/api/v1/availability', { signal })
export const inventory = (signal?: Signal) => ask<InventoryAnswer>('/api/v1/inventory', { signal })

/** What is watched, as paths call it: hosts are apart from checks and monitors. */
export type Subject = { is: 'check' | 'host' | 'monitor'; name: string }
const at = ({ is, name }: Subject) => `/api/v1/${is}s/${encodeURIComponent(name)}`
export function monitor(name: string, window: { from: number; to: number } | null = null, signal?: Signal) {
  const asked = window ? `?${query({ from: Math.floor(window.from), until: Math.ceil(window.to) })}` : ''
  return ask<MonitorDetail>(at({ is: 'monitor', name }) + asked, { signal })
}
export const watched = (of: Subject, signal?: Signal) => ask<Watched>(at(of), { signal })
export const history = (of: Subject, from: number, until: number, signal?: Signal) => ask<HistoryAnswer>(`${at(of)}/history?${query({ from: Math.floor(from), until: Math.ceil(until) })}`, { signal })
export const notifications = ({ is, name }: Subject, limit: number, signal?: Signal) => ask<Notification[]>(`/api/v1/notifications?${query({ [is]: name, limit })}`, { signal })
export const saveMonitor = (definition: MonitorDefinition) => ask<unknown>(at({ is: 'monitor', name: definition.name }), { method: 'PUT', body: { monitor: definition } })
export const saveCheck = (definition: MonitorDefinition) => ask<unknown>(at({ is: 'monitor', name: definition.name }), { method: 'PUT', body: { check: definition } })
export const removeMonitor = (name: string) => ask<unknown>(at({ is: 'monitor', name }), { method: 'DELETE' })
export const takeOutInstance = (name: string, instance: string) => ask<unknown>(`${at({ is: 'monitor', name })}/instances?${query({ instance })}`, { method: 'DELETE' })
/** `beside`: another version to compare it with. */
export const tryMonitor = (definition: MonitorDefinition, beside: MonitorDefinition | null, from: number, until: number, signal?: Signal) =>
  ask<ReplayAnswer>('/api/v1/monitors/test', { method: 'POST', body: { monitor: definition, ...(beside ? { compare: beside } : {}), from: Math.floor(from), until: Math.ceil(until) }, signal })
export const tryCheckOnPast = (check: MonitorDefinition, from: number, until: number, signal?: Signal) =>
  ask<CheckReplayAnswer>('/api/v1/monitors/test', { method: 'POST', body: { definitions: { check: [check] }, from: Math.floor(from), until: Math.ceil(until) }, signal })
export const tryCheck = (what: { check: Record<string, unknown> } | { name: string }, signal?: Signal) => ask<TrialAnswer>('/api/v1/trial', { method: 'POST', body: what, signal })
export const heartbeat = (name: string, signal?: Signal) => ask<HeartbeatAnswer>(`/api/v1/heartbeats/${encodeURIComponent(name)}`, { signal })
export const pingHeartbeat = (name: string) => ask<unknown>(`/api/v1/heartbeats/${encodeURIComponent(name)}/ping`, { method: 'POST', body: {} })
export const downtimes = async (signal?: Signal) => (await ask<{ downtimes: Downtime[] }>('/api/v1/downtimes', { signal })).downtimes
export const silences = async (signal?: Signal) => (await ask<{ silences: Silence[] }>('/api/v1/silences', { signal })).silences
export const endSilence = (id: number) => ask<unknown>(`/api/v1/silences/${id}`, { method: 'DELETE' })
export const runNow = (of: Subject) => ask<unknown>(`${at(of)}/run`, { method: 'POST' })
export const acknowledge = (of: Subject, body: { sticky: boolean; notify: boolean; comment: string }) => ask<unknown>(`${at(of)}/ack`, { method: 'POST', body })
export const removeAcknowledgement = (of: Subject) => ask<unknown>(`${at(of)}/ack`, { method: 'DELETE' })
export const switchNotifications = (of: Subject, enabled: boolean) => ask<unknown>(`${at(of)}/notifications`, { method: 'PUT', body: { enabled } })
export const notify = (of: Subject, comment: string) => ask<unknown>(`${at(of)}/notify`, { method: 'POST', body: { comment } })
export const planDowntime = ({ is, name }: Subject, body: { start: number; end: number; fixed: boolean; duration?: number; comment: string }) => ask<unknown>('/api/v1/downtimes', { method: 'POST', body: { [is]: name, ...body } })
export const cancelDowntime = (id: number) => ask<unknown>(`/api/v1/downtimes/${id}`, { method: 'DELETE' })
export const silence = (matcher: Record<string, string>, until: number, reason: string) => ask<unknown>('/api/v1/silences', { method: 'POST', body: { matchers: [matcher], until: Math.ceil(until), reason } })

/** A title may be that of an error, which a stranger wrote. */
export async function incidents(state: 'open' | 'all', limit: number, signal?: Signal): Promise<IncidentsAnswer> {
  const answer = await ask<IncidentsAnswer>(`/api/v1/incidents?${query({ state, limit, order: state === 'open' ? 'worst' : 'newest' })}`, { signal })
  return { ...answer, incidents: answer.incidents.map((one) => readableIn(one, 'title')) }
}
export const incident = async (id: string, signal?: Signal) => readableIn(await ask<WholeIncident>(`/api/v1/incidents/${encodeURIComponent(id)}`, { signal }), 'title')
export const moved = (id: number, limit: number, signal?: Signal) => ask<MovedAnswer>(`/api/v1/incidents/${id}/moved?${query({ limit })}`, { signal })
/** Of the last 30 days. */
export const noise = async (signal?: Signal) => (await ask<{ monitors: Noise[] }>(`/api/v1/noise?${query({ limit: 1000 })}`, { signal })).monitors
export type Deed = 'acknowledge' | 'resolve' | 'note' | 'snooze' | 'judge' | 'take' | 'reopen' | 'handover' | 'escalate' | 'severity' | 'silence' | 'merge' | 'split' | 'helped'
export const deed = (id: number, what: Deed, body: Record<string, unknown>) => ask<unknown>(`/api/v1/incidents/${id}/${what}`, { method: 'POST', body })

export const declare = (what: { title: string; what: string; severity: string }) => ask<WholeIncident>('/api/v1/incidents', { method: 'POST', body: what })

export type GraphQuestion = { targets: string[]; from: number | string; until: number | string; width: number }
export function graph(question: GraphQuestion, signal?: Signal) {
  const body = { ...question, from: String(question.from), until: String(question.until) }
  return ask<GraphAnswer>('/api/v1/graph', { method: 'POST', body, signal })
}

export async function annotations(from: string, until: string, signal?: Signal): Promise<Annotation[]> {
  return (await graph({ targets: [], from: apiTime(from), until: apiTime(until), width: 1 }, signal)).annotations
}

/** An annotation, as Graphite takes it: on every graph from then on. */
export const postEvent = (what: string, tags: string) => ask<unknown>('/events/', { method: 'POST', body: { what, tags } })

/** Relative times are the server's to resolve; ours would carry our clock's error. */
export function apiTime(text: string): string {
  return text.replace(/^now(?=[+-])/, '')
}

/** How an answer is made: where the time goes, what is read. A POST: as many targets as one likes. */
export function explain(targets: string[], from: string, until: string, tz: string, signal?: Signal) {
  const body = { targets, from: apiTime(from), until: apiTime(until), tz }
  return ask<ExplainAnswer>('/api/v1/explain', { method: 'POST', body, signal })
}

/** What these series must not reach. */
export const limits = (series: string[], signal?: Signal) => ask<{ closest: Near[] }>(`/api/v1/closest?${query({ series: series.join('\n'), limit: 100 })}`, { signal })

export function trust(target: string, from: number, until: number, signal?: Signal) {
  return ask<Trust>(`/api/v1/trust?${query({ target, from: Math.floor(from), until: Math.ceil(until) })}`, { signal })
}

export function findSeries(text: string, options: { level?: string | null; limit?: number } = {}, signal?: Signal) {
  return ask<{ series: FoundSeries[]; more: boolean }>(`/api/v1/series?${query({ q: text, ...options })}`, { signal })
}

/** The nodes one level below `under` (empty: the roots), folders first. */
export function children(under: string, signal?: Signal) {
  const pattern = under === '' ? '*' : `${under}.*`
  return ask<TreeNode[]>(`/metrics/find?${query({ query: pattern, format: 'treejson' })}`, { signal })
}

/** What the nodes of a path are called, level by level; only the first few of each. */
export async function nodeNames(pattern: string, signal?: Signal): Promise<TreeNode[]> {
  return ask<TreeNode[]>(`/metrics/find?${query({ query: pattern, format: 'treejson' })}`, { signal })
}

export const tagNames = (typed: string, expressions: string[], signal?: Signal) => tagged('tags', { tagPrefix: typed }, expressions, signal)
export const tagValues = (tag: string, typed: string, expressions: string[], signal?: Signal) => tagged('values', { tag, valuePrefix: typed }, expressions, signal)
function tagged(what: string, asked: Record<string, string>, expressions: string[], signal: Signal) {
  const each = expressions.map((expr) => query({ expr }))
  return ask<string[]>(`/tags/autoComplete/${what}?${[query({ ...asked, limit: 50 }), ...each].join('&')}`, { signal })
}

let known: Promise<Map<string, GraphiteFunction>> | null = null
/** Asked once: the functions of a server change only with its version. */
export function functions(): Promise<Map<string, GraphiteFunction>> {
  known ??= ask<Record<string, GraphiteFunction>>('/functions').then((all) => new Map(Object.entries(all)))
  known.catch(() => (known = null))
  return known
}

export type RawSeries = { target: string; datapoints: [number | null, number][] }
export function storedPoints(targets: string[], from: number, until: number, signal?: Signal) {
  return ask<RawSeries[]>(`/render?${storedQuery(targets, from, until, 'json')}`, { signal })
}
export function storedQuery(targets: string[], from: number, until: number, format: string): string {
  const each = targets.map((target) => query({ target }))
  return [...each, query({ from: Math.floor(from), until: Math.ceil(until), format })].join('&')
}

export const download = (asked: URLSearchParams) => fetchFile('/render', asked)

export const levels = () => ask<{ rules: LevelRule[] }>('/api/v1/levels')
export const setLevels = (rules: LevelRule[]) => ask<unknown>('/api/v1/levels', { method: 'PUT', body: { rules } })

export const retention = () => ask<RetentionAnswer>('/api/v1/storage/retention')
export function retentionPreview(rule: string, archives: string, signal?: Signal) {
  return ask<RetentionAnswer>(`/api/v1/storage/retention?${query({ rule, archives })}`, { signal })
}

export const signIn = (name: string, password: string) => ask<unknown>('/api/v1/session', { method: 'POST', body: { name, password } })
/** `to`: where one signs out with the provider, too. */
export const signOut = () => ask<{ to: string } | undefined>('/api/v1/session', { method: 'DELETE' })
