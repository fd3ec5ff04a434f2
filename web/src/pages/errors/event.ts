/** One event, as its client wrote it: what there is to show of it. Nothing in it can be relied on. Pure. */
import type { ErrorEvent } from '../../api/errors.ts'

/** `path`: where it stands in the event, as the notes on what was scrubbed say it. */
export type Frame = { path: string; file: string; absolute: string; name: string; module: string; line: number | null; column: number | null; inApp: boolean; before: string[]; code: string | null; after: string[]; vars: [string, unknown][] }
/** Frames from the crash outwards. */
export type Exception = { path: string; type: string; value: string; module: string; mechanism: string; handled: boolean | null; frames: Frame[] }
export type Crumb = { at: number | null; level: string; category: string; message: string; data: [string, unknown][]; path: string }
export type Scrubbed = { path: string; rule: string }

type Fields = Record<string, unknown>
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const fields = (value: unknown): Fields => (isFields(value) ? value : {})
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const valuesOf = (value: unknown): Fields[] => list(Array.isArray(value) ? value : fields(value).values).filter(isFields)
export const text = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '')
const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null)
const lines = (value: unknown): string[] => list(value).map(text)
const entries = (value: unknown): [string, unknown][] => (Array.isArray(value) ? value.map((one, index): [string, unknown] => [String(index), one]) : Object.entries(fields(value)))

/** Seconds since 1970, of a number or of a date without a zone, which is UTC. */
export function timeOf(value: unknown): number | null {
  if (typeof value !== 'string') return number(value)
  const at = Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`)
  return Number.isNaN(at) ? null : at / 1000
}

export const idOf = (event: ErrorEvent): string => text(event.event_id)
export const atOf = (event: ErrorEvent): number | null => timeOf(event.timestamp)

/** What every module of Python has tells nothing: it stands last. */
function localsOf(vars: unknown): [string, unknown][] {
  const all = entries(vars)
  const isOfModule = ([name]: [string, unknown]) => /^__\w+__$/.test(name)
  return [...all.filter((one) => !isOfModule(one)), ...all.filter(isOfModule)]
}

function frameOf(frame: Fields, path: string): Frame {
  return {
    path, file: text(frame.filename) || text(frame.abs_path) || text(frame.module), absolute: text(frame.abs_path), name: text(frame.function), module: text(frame.module), line: number(frame.lineno), column: number(frame.colno), inApp: frame.in_app === true,
    before: lines(frame.pre_context), code: typeof frame.context_line === 'string' ? frame.context_line : null, after: lines(frame.post_context), vars: localsOf(frame.vars),
  }
}

/** Clients write the outermost frame first; people look for the crash. */
function framesOf(stack: unknown, path: string): Frame[] {
  return list(fields(stack).frames).map((frame, index) => frameOf(fields(frame), `${path}.frames.${index}`)).reverse()
}

function exceptionOf(one: Fields, path: string): Exception {
  const mechanism = fields(one.mechanism)
  return {
    path, type: text(one.type), value: text(one.value), module: text(one.module), mechanism: text(mechanism.type), handled: typeof mechanism.handled === 'boolean' ? mechanism.handled : null,
    frames: framesOf(one.stacktrace, `${path}.stacktrace`),
  }
}

/** What was raised last comes first, then what it was caused by. Where there is no exception, the stack that came with the message. */
export function exceptionsOf(event: ErrorEvent): Exception[] {
  const chain = valuesOf(event.exception).map((one, index) => exceptionOf(one, `exception.values.${index}`)).reverse()
  if (chain.length) return chain
  const thread = valuesOf(event.threads).findIndex((one) => one.crashed === true || one.current === true)
  const own = framesOf(event.stacktrace, 'stacktrace')
  const frames = own.length || thread < 0 ? own : framesOf(valuesOf(event.threads)[thread].stacktrace, `threads.values.${thread}.stacktrace`)
  return frames.length ? [{ path: '', type: '', value: messageOf(event), module: '', mechanism: '', handled: null, frames }] : []
}

export function messageOf(event: ErrorEvent): string {
  const entry = fields(event.logentry)
  return text(entry.formatted) || text(entry.message) || text(event.message)
}

/** The one to open: the program's own that is nearest to the crash. */
export const crashFrame = (frames: Frame[]): Frame | null => frames.find(({ inApp }) => inApp) ?? frames[0] ?? null

export type Row = { kind: 'frame'; frame: Frame } | { kind: 'fold'; frames: Frame[] }

/** Frames of libraries fold between those of the program; a single one stays. If none is the program's, all stay. */
export function folded(frames: Frame[]): Row[] {
  const rows: Row[] = []
  const foldable = frames.some(({ inApp }) => inApp)
  for (const frame of frames) {
    const last = rows.at(-1)
    if (frame.inApp || !foldable) rows.push({ kind: 'frame', frame })
    else if (last?.kind === 'fold') last.frames.push(frame)
    else rows.push({ kind: 'fold', frames: [frame] })
  }
  return rows.map((row) => (row.kind === 'fold' && row.frames.length === 1 ? { kind: 'frame', frame: row.frames[0] } : row))
}

/** Of a request, as browsers' clients call it and as those of Python do. */
const METHODS = ['method', 'http.method', 'http.request.method']
const ANSWERS = ['status_code', 'http.response.status_code']
const QUERY = 'http.query'

/** What somebody did, of data alone: a request with its answer, a way from page to page. `told`: what need not be said again. */
function deedOf(data: Fields): { said: string; told: string[] } {
  const first = (names: string[]) => names.map((name) => text(data[name])).find(Boolean) ?? ''
  const [url, query, from, to] = [text(data.url), text(data[QUERY]), text(data.from), text(data.to)]
  if (url) return { said: [first(METHODS), query && !url.includes('?') ? `${url}?${query}` : url, first(ANSWERS)].filter(Boolean).join(' '), told: [...METHODS, 'url', QUERY, ...ANSWERS] }
  if (from || to) return { said: `${from} → ${to}`, told: ['from', 'to'] }
  return { said: '', told: [] }
}

function crumbOf(one: Fields, path: string): Crumb {
  const message = text(one.message)
  const { said, told } = message ? { said: message, told: [] } : deedOf(fields(one.data))
  const data = entries(one.data).filter(([name, value]) => !told.includes(name) && !isEmpty(value))
  return { at: timeOf(one.timestamp), level: text(one.level), category: text(one.category) || text(one.type), message: said, data, path }
}

export const crumbsOf = (event: ErrorEvent): Crumb[] => valuesOf(event.breadcrumbs).map((one, index) => crumbOf(one, `breadcrumbs.values.${index}`))

/** Clients write down what they do not know, too. */
const isEmpty = (value: unknown): boolean => value === null || value === ''

/** Named groups of fields, each with the path before their names. */
export type Part = { key: 'request' | 'user' | 'contexts' | 'extra'; name: string; path: string; rows: [string, unknown][] }

const PLAIN_OF_REQUEST = ['method', 'url', 'query_string', 'fragment', 'data']

export function requestOf(event: ErrorEvent): Part[] {
  const request = fields(event.request)
  const plain = PLAIN_OF_REQUEST.filter((key) => request[key] !== undefined && !isEmpty(request[key])).map((key): [string, unknown] => [key, request[key]])
  const parts: Part[] = [{ key: 'request', name: '', path: 'request', rows: plain }]
  for (const name of ['headers', 'cookies', 'env']) parts.push({ key: 'request', name, path: `request.${name}`, rows: entries(request[name]) })
  return parts.filter(({ rows }) => rows.length)
}

export function restOf(event: ErrorEvent): Part[] {
  const contexts = Object.entries(fields(event.contexts)).filter(([name]) => name !== 'feedback').map(([name, value]): Part => ({ key: 'contexts', name, path: `contexts.${name}`, rows: entries(value).filter(([key, value]) => key !== 'type' && !isEmpty(value)) }))
  const parts: Part[] = [{ key: 'user', name: '', path: 'user', rows: entries(event.user) }, ...contexts, { key: 'extra', name: '', path: 'extra', rows: entries(event.extra) }]
  return parts.filter(({ rows }) => rows.length)
}

export const scrubbedOf = (event: ErrorEvent): Scrubbed[] => list(event._scrubbed).filter(isFields).map(({ path, rule }) => ({ path: text(path), rule: text(rule) }))

/** The rule by which something at this path, or within it, was taken out. */
export const ruleAt = (scrubbed: Scrubbed[], path: string): string | null => scrubbed.find((one) => one.path === path || one.path.startsWith(`${path}.`))?.rule ?? null

/** A value as one reads it: texts as they are, the rest as JSON. */
export const spelled = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
export const platformOf = (event: ErrorEvent): string => text(event.platform)
export const hostOf = (event: ErrorEvent): string => text(event.server_name)

/** Where the program's source is to be read: an address with places for a frame's path and line. */
export type Source = { url: string; root: string }
export function sourceOf(event: ErrorEvent): Source | null {
  const { url, root } = fields(event._source)
  return /^https?:\/\//.test(text(url)) ? { url: text(url), root: text(root) } : null
}

/** Of libraries the repository knows nothing. */
export function lineOf(source: Source | null, frame: Frame): string | null {
  if (source === null || !frame.inApp || frame.line === null || frame.file === '') return null
  const file = [frame.absolute, frame.file].find((one) => source.root !== '' && one.startsWith(source.root))
  const path = (file?.slice(source.root.length) ?? frame.file).replace(/^\/+/, '')
  const url = source.url.replaceAll('{path}', () => path.split('/').map(encodeURIComponent).join('/')).replaceAll('{line}', String(frame.line))
  // The browser would walk up by these, out of the repository: of the path as of a release that is called so.
  return url.split(/[?#]/)[0].split('/').some((part) => part === '.' || part === '..') ? null : url
}

/** A host's name as its series may have it: whole, with its dots taken out, and without its domain. */
export function hostPattern(name: string): string | null {
  const clean = (part: string) => part.replace(/[^\w-]/g, '_')
  const names = [...new Set([clean(name), clean(name.split('.')[0])])].filter(Boolean)
  if (names.length === 0 || /^[\d.]+$/.test(name)) return names.length ? `host.${clean(name)}` : null
  return names.length === 1 ? `host.${names[0]}` : `host.{${names.join(',')}}`
}

/** What the user wrote of it, in our own dialog or through the client; or what the event itself is. `url`: where it was said. */
export type Feedback = { at: number | null; who: string; email: string; said: string; url: string }
export function feedbackOf(event: ErrorEvent): Feedback | null {
  const [told, own] = [fields(event._feedback), wordsOf(event)]
  const said = text(told.comments)
  if (said) return { at: timeOf(told.at), who: text(told.name), email: text(told.email), said, url: text(told.url) }
  return own && { at: atOf(event), who: text(own.name), email: text(own.contact_email), said: text(own.message), url: text(own.url) }
}

/** Of an event that is nothing but words. */
function wordsOf(event: ErrorEvent): Fields | null {
  const own = fields(fields(event.contexts).feedback)
  return text(own.message) ? own : null
}
export const isWords = (event: ErrorEvent): boolean => wordsOf(event) !== null && exceptionsOf(event).length === 0

export type Attachment = { id: number; name: string; size: number }
export const attachmentsOf = (event: ErrorEvent): Attachment[] =>
  list(event._attachments).filter(isFields).flatMap(({ id, name, size }) => (typeof id === 'number' ? [{ id, name: text(name), size: number(size) ?? 0 }] : []))
