/** Every call that pages make, typed. */
import { ask, fetchFile, query } from './client.ts'
import type {
  Annotation, ExplainAnswer, FoundSeries, GraphAnswer, GraphiteFunction, HealthAnswer, HomeAnswer, InventoryAnswer, LevelRule, MonitorsAnswer, RetentionAnswer, ServicesAnswer, Status, TreeNode, Trust,
} from './types.ts'

type Signal = AbortSignal | undefined

export const status = () => ask<Status>('/api/v1/status')
export const home = (signal?: Signal) => ask<HomeAnswer>('/api/v1/home', { signal })
export const health = (signal?: Signal) => ask<HealthAnswer>('/api/v1/health', { signal })

export const monitors = (signal?: Signal) => ask<MonitorsAnswer>('/api/v1/monitors', { signal })
export const services = (signal?: Signal) => ask<ServicesAnswer>('/api/v1/services', { signal })
export const inventory = (signal?: Signal) => ask<InventoryAnswer>('/api/v1/inventory', { signal })

export type GraphQuestion = { targets: string[]; from: number | string; until: number | string; width: number }
export function graph(question: GraphQuestion, signal?: Signal) {
  const body = { ...question, from: String(question.from), until: String(question.until) }
  return ask<GraphAnswer>('/api/v1/graph', { method: 'POST', body, signal })
}

export async function annotations(from: string, until: string, signal?: Signal): Promise<Annotation[]> {
  return (await graph({ targets: [], from: apiTime(from), until: apiTime(until), width: 1 }, signal)).annotations
}

/** Relative times are the server's to resolve; ours would carry our clock's error. */
export function apiTime(text: string): string {
  return text.replace(/^now(?=[+-])/, '')
}

/** How an answer is made: where the time goes, what is read. A POST: as many targets as one likes. */
export function explain(targets: string[], from: string, until: string, tz: string, signal?: Signal) {
  const body = { targets, from: apiTime(from), until: apiTime(until), tz }
  return ask<ExplainAnswer>('/api/v1/explain', { method: 'POST', body, signal })
}

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
export const signOut = () => ask<void>('/api/v1/session', { method: 'DELETE' })
