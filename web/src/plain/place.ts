/** The URL is the state: `place` and `address` are each other's inverse. */
import { fixed, understood, type Span, type Window } from './span.ts'

export type PageName = 'home' | 'services' | 'service' | 'monitors' | 'monitor' | 'editor' | 'incidents' | 'oncall' | 'errors' | 'explore' | 'changes' | 'reports' | 'proof' | 'posts' | 'data' | 'settings' | 'unknown'
/** Pages that are a list or stand alone: those with an address of their own. */
export type Room = 'home' | 'services' | 'monitors' | 'incidents' | 'oncall' | 'errors' | 'explore' | 'changes' | 'reports' | 'proof' | 'posts' | 'data' | 'settings'
export type Zone = 'local' | 'utc'

export type Place = {
  page: PageName
  path: string
  /** Which one, on the page of one thing: `/monitors/web1%2Fdisk`. */
  item: string | null
  /** null: the page's own habit (Home 5 minutes, Explore an hour). */
  span: Span | null
  targets: string[]
  selection: Window | null
  /** null: as remembered on this machine. */
  zone: Zone | null
  /** What only one page understands: `level`, `vs`, `log`, … in the order given. */
  more: Record<string, string>
}

export const PATHS: Record<Room, string> = { home: '/', services: '/services', monitors: '/monitors', incidents: '/incidents', oncall: '/oncall', errors: '/errors', explore: '/explore', changes: '/changes', reports: '/reports', proof: '/proof', posts: '/posts', data: '/data', settings: '/settings' }
const ROOMS: [string, Room][] = Object.entries(PATHS).map(([room, path]) => [path, room as Room])
/** What the page of one thing of a list is. */
const ONE = { services: 'service', monitors: 'monitor', incidents: 'incidents', errors: 'errors', proof: 'proof' } as const
const KNOWN = new Set(['from', 'to', 'q', 'sel', 'z'])

export function placeOf(url: URL): Place {
  const get = (key: string) => url.searchParams.get(key)
  const span = { from: get('from') ?? '', to: get('to') ?? 'now' }
  const zone = get('z')
  const more: Record<string, string> = {}
  for (const [key, value] of url.searchParams) if (!KNOWN.has(key)) more[key] = value
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/+$/, '') : '/'
  return {
    ...whereIs(path, more),
    path,
    span: understood(span) ? span : null,
    targets: url.searchParams.getAll('q').filter((target) => target !== ''),
    selection: selectionOf(get('sel')),
    zone: zone === 'utc' || zone === 'local' ? zone : null,
    more,
  }
}

function whereIs(path: string, more: Record<string, string>): { page: PageName; item: string | null } {
  const room = ROOMS.find(([of]) => of === path)?.[1]
  if (room) return { page: room === 'monitors' && more.new !== undefined ? 'editor' : room, item: null }
  const [, list, rest] = /^\/(\w+)\/([^/]+)$/.exec(path) ?? []
  const item = rest === undefined ? null : decoded(rest)
  if (item === null || !Object.hasOwn(ONE, list)) return { page: 'unknown', item: null }
  const page = ONE[list as keyof typeof ONE]
  return { page: page === 'monitor' && more.edit !== undefined ? 'editor' : page, item }
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/** The path of one thing. Names may hold anything, slashes too. */
export function pathOf(room: keyof typeof ONE, item: string): string {
  return `${PATHS[room]}/${encodeURIComponent(item)}`
}

function selectionOf(text: string | null): Window | null {
  const parts = /^(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)$/.exec(text ?? '')
  if (!parts || Number(parts[1]) >= Number(parts[2])) return null
  return { from: Number(parts[1]), to: Number(parts[2]) }
}

/** Readable on purpose: dots, stars and parentheses of a target stay as they are. */
export function addressOf(place: Place): string {
  const parts: string[] = []
  const put = (key: string, value: string) => parts.push(`${escaped(key)}=${escaped(value)}`)
  if (place.span) {
    put('from', place.span.from)
    put('to', place.span.to)
  }
  for (const target of place.targets) put('q', target)
  if (place.selection) put('sel', `${place.selection.from}..${place.selection.to}`)
  if (place.zone) put('z', place.zone)
  for (const [key, value] of Object.entries(place.more)) put(key, value)
  return place.path + (parts.length ? `?${parts.join('&')}` : '')
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(/%2C/g, ',').replace(/%2F/g, '/').replace(/%3A/g, ':').replace(/%20/g, '+')
}

/** The same place, frozen at this window: what a colleague opens tomorrow shows the same moment. */
export function frozen(place: Place, window: Window): Place {
  return { ...place, span: fixed(window) }
}
