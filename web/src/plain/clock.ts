/** Moments and ages as people read them. 24 h; the zone is an argument and always printable. */
import type { Zone } from './place.ts'

const cache = new Map<string, Intl.DateTimeFormat>()

function format(zone: Zone, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options)
  let made = cache.get(key)
  if (!made) {
    made = new Intl.DateTimeFormat('en-GB', { hourCycle: 'h23', timeZone: zone === 'utc' ? 'UTC' : undefined, ...options })
    cache.set(key, made)
  }
  return made
}

const TIME = { hour: '2-digit', minute: '2-digit' } as const
const SECOND = { ...TIME, second: '2-digit' } as const
const DAY = { day: 'numeric', month: 'short' } as const

export function clock(at: number, zone: Zone, seconds = true): string {
  return format(zone, seconds ? SECOND : TIME).format(at * 1000)
}

export function day(at: number, zone: Zone): string {
  return format(zone, DAY).format(at * 1000)
}

/** `14:02:07`, with the day in front when it is not the day of `now`, with the year when it is not this one. */
export function moment(at: number, zone: Zone, now: number, seconds = true): string {
  const time = clock(at, zone, seconds)
  const date = format(zone, { ...DAY, year: 'numeric' })
  if (date.format(at * 1000) === date.format(now * 1000)) return time
  const year = format(zone, { year: 'numeric' })
  const same = year.format(at * 1000) === year.format(now * 1000)
  return `${(same ? format(zone, DAY) : date).format(at * 1000)}, ${time}`
}

/** `14:02–15:02`; days only where they are needed. */
export function stretch(from: number, to: number, zone: Zone, now: number): string {
  const seconds = to - from < 600
  const first = moment(from, zone, now, seconds)
  const second = day(from, zone) === day(to, zone) ? clock(to, zone, seconds) : moment(to, zone, now, seconds)
  return `${first}–${second}`
}

/** `UTC`, `CET`, `UTC+5:30`: what is printed beside every time. */
export function zoneName(zone: Zone, at: number): string {
  if (zone === 'utc') return 'UTC'
  const parts = format(zone, { timeZoneName: 'short' }).formatToParts(at * 1000)
  return (parts.find((part) => part.type === 'timeZoneName')?.value ?? 'local').replace('GMT', 'UTC')
}

/** Seconds east of UTC at a moment. */
export function offsetAt(at: number, zone: Zone): number {
  return zone === 'utc' ? 0 : -new Date(at * 1000).getTimezoneOffset() * 60
}

/** Seconds back to the same time by the clock on the wall, `length` seconds earlier; whole days may have 23 or 25 hours. */
export function sameTimeEarlier(length: number, at: number, zone: Zone): number {
  return length % 86_400 === 0 ? length + offsetAt(at - length, zone) - offsetAt(at, zone) : length
}

/** Moments inside a window at which the clocks change, to the minute. */
export function clockChanges(from: number, to: number, zone: Zone): number[] {
  const changes: number[] = []
  if (zone === 'utc') return changes
  const stride = 86_400
  for (let start = from; start < to; start += stride) {
    const end = Math.min(start + stride, to)
    if (offsetAt(start, zone) !== offsetAt(end, zone)) changes.push(changeBetween(start, end, zone))
  }
  return changes
}

function changeBetween(start: number, end: number, zone: Zone): number {
  const before = offsetAt(start, zone)
  let [low, high] = [start, end]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetAt(middle, zone) === before) low = middle
    else high = middle
  }
  return Math.ceil(high)
}

/** For fields in which people write a moment: sortable, 24 h, in the zone that is shown. */
export function toInput(at: number, zone: Zone): string {
  return new Date((Math.floor(at) + offsetAt(at, zone)) * 1000).toISOString().slice(0, 19).replace('T', ' ')
}

/** `2026-11-21 14:02:07`, `2026-11-21 14:02`, `2026-11-21`, or `14:02` for today. */
export function fromInput(text: string, zone: Zone, now: number): number | null {
  const parts = /^(?:(\d{4}-\d{2}-\d{2})(?:[ T]+|$))?(\d{1,2}:\d{2}(?::\d{2})?)?$/.exec(text.trim())
  if (!parts || (!parts[1] && !parts[2])) return null
  const date = parts[1] ?? toInput(now, zone).slice(0, 10)
  const at = Date.parse(`${date}T${(parts[2] ?? '00:00').padStart(5, '0')}${zone === 'utc' ? 'Z' : ''}`)
  return Number.isNaN(at) ? null : at / 1000
}
