/** The URL is the state: `place` and `address` are each other's inverse. */
import { fixed, understood, type Span, type Window } from './span.ts'

export type PageName = 'home' | 'explore' | 'data' | 'unknown'
export type Zone = 'local' | 'utc'

export type Place = {
  page: PageName
  path: string
  /** null: the page's own habit (Home 5 minutes, Explore an hour). */
  span: Span | null
  targets: string[]
  selection: Window | null
  /** null: as remembered on this machine. */
  zone: Zone | null
  /** What only one page understands: `level`, `vs`, `log`, … in the order given. */
  more: Record<string, string>
}

const PATHS: Record<string, PageName> = { '/': 'home', '/explore': 'explore', '/data': 'data' }
const KNOWN = new Set(['from', 'to', 'q', 'sel', 'z'])

export function placeOf(url: URL): Place {
  const get = (key: string) => url.searchParams.get(key)
  const span = { from: get('from') ?? '', to: get('to') ?? 'now' }
  const zone = get('z')
  const more: Record<string, string> = {}
  for (const [key, value] of url.searchParams) if (!KNOWN.has(key)) more[key] = value
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/+$/, '') : '/'
  return {
    page: PATHS[path] ?? 'unknown',
    path,
    span: understood(span) ? span : null,
    targets: url.searchParams.getAll('q').filter((target) => target !== ''),
    selection: selectionOf(get('sel')),
    zone: zone === 'utc' || zone === 'local' ? zone : null,
    more,
  }
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
