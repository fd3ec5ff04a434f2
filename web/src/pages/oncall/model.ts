/** Shifts as a strip of days. Pure. */
import type { OnCallNow, Shift } from '../../api/oncall.ts'
import type { Incident, PageItem } from '../../api/types.ts'

export const STRIP_DAYS = 30
const DAY = 86_400

/** Shares of the whole width, in per cent. */
export type Segment = { left: number; width: number; person: string | null; start: number; end: number; override: boolean }

export function segments(shifts: Shift[], from: number, until: number): Segment[] {
  const share = (at: number) => ((at - from) / (until - from)) * 100
  return shifts
    .map(({ start, end, person, override }) => ({ start: Math.max(start, from), end: Math.min(end ?? until, until), person, override: override !== null }))
    .filter(({ start, end }) => end > start)
    .map((one) => ({ ...one, left: share(one.start), width: share(one.end) - share(one.start) }))
}

/** Each person has one colour, the same in every row: in the order in which they first appear. */
export function colours(rows: Shift[][]): Map<string, number> {
  const found = new Map<string, number>()
  for (const { person } of rows.flat()) if (person !== null && !found.has(person)) found.set(person, found.size % 6)
  return found
}

/** Where days begin on the clock of whoever looks; `offset` is their zone's, in seconds, at a moment. */
export function days(from: number, until: number, offset: (at: number) => number): number[] {
  const begins: number[] = []
  const midnight = (near: number) => {
    const local = near + offset(near)
    const guess = local - (((local % DAY) + DAY) % DAY)
    return guess - offset(guess - offset(near))
  }
  // Half a day on from each midnight lies in the same day, however the clocks change.
  for (let at = midnight(from); at < until; at = midnight(at + DAY + DAY / 2)) if (at >= from) begins.push(at)
  return begins
}

/** Of a strip: where a date stands, from its line on or, where there is no room left, before it. In per cent of the whole width. */
export type Tick = { at: number; label: string; monday: boolean; left: number | null; right: number | null }
/** The first day's date needs as much room up to the next Monday's. */
const ROOM_DAYS = 4
const DATE_PX = 56
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: 'UTC' })
/** Mondays, and the first day if there is room. `pixels`: the width of all. */
export function ticksOf(begins: number[], from: number, until: number, offset: Offset, pixels: number): Tick[] {
  const date = (at: number) => new Date((at + offset(at)) * 1000)
  const isMonday = (at: number) => date(at).getUTCDay() === 1
  const isNamed = (at: number, index: number) => isMonday(at) || (index === 0 && !begins.slice(1, ROOM_DAYS).some(isMonday))
  return begins.filter(isNamed).map((at) => {
    const left = ((at - from) / (until - from)) * 100
    const runsOut = ((100 - left) / 100) * pixels < DATE_PX
    return { at, label: `${weekday.format(date(at))} ${date(at).getUTCDate()}`, monday: isMonday(at), left: runsOut ? null : left, right: runsOut ? 100 - left : null }
  })
}

/** The name of a part stands in it where three letters of it do; the rest ends in an ellipsis. */
const LETTER_PX = 8
const AROUND_PX = 15
export const nameFits = (name: string, width: number, pixels: number): boolean => (width / 100) * pixels >= Math.min(3, name.length) * LETTER_PX + AROUND_PX

const formats = new Map<string, Intl.DateTimeFormat>()
/** `Mon 23 Nov, 09:00` by the clock of a zone; undefined: the browser's. */
export function wall(at: number, zone: string | undefined): string {
  const key = zone ?? ''
  let format = formats.get(key)
  if (!format) {
    const options = { weekday: 'short', day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
    try {
      format = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone })
    } catch {
      // A zone that this browser does not know: better in UTC, which is said, than not at all.
      format = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC', timeZoneName: 'short' })
    }
    formats.set(key, format)
  }
  return format.format(at * 1000)
}

/** Whom to speak of first: a schedule with nobody, then in the order of their names. */
export function first(schedules: OnCallNow[]): OnCallNow | null {
  return schedules.find(({ current, may_be_empty }) => current.person === null && !may_be_empty) ?? schedules[0] ?? null
}

export type Offset = (at: number) => number
/** Midnight of a day of the calendar, by the clock that is shown. */
const beginOf = (local: number, offset: Offset) => local - offset(local - offset(local))

/** `2026-11`: the month in which a moment lies. */
export const monthOf = (at: number, offset: Offset): string => new Date((at + offset(at)) * 1000).toISOString().slice(0, 7)
export function monthBeside(month: string, by: 1 | -1): string {
  const [year, number] = month.split('-').map(Number)
  return new Date(Date.UTC(year, number - 1 + by, 1)).toISOString().slice(0, 7)
}
export const isMonth = (text: string | undefined): text is string => /^\d{4}-(0[1-9]|1[0-2])$/.test(text ?? '')

export type Day = { from: number; until: number; number: number; inside: boolean }
/** Whole weeks from Monday on, in which all days of the month lie. */
export function weeksOf(month: string, offset: Offset): Day[][] {
  const [year, number] = month.split('-').map(Number)
  const first = Date.UTC(year, number - 1, 1) / 1000
  const lead = (new Date(first * 1000).getUTCDay() + 6) % 7
  const length = new Date(Date.UTC(year, number, 0)).getUTCDate()
  const day = (index: number): Day => {
    const local = first + (index - lead) * DAY
    const date = new Date(local * 1000)
    return { from: beginOf(local, offset), until: beginOf(local + DAY, offset), number: date.getUTCDate(), inside: date.getUTCMonth() === number - 1 }
  }
  return Array.from({ length: Math.ceil((lead + length) / 7) }, (_, week) => Array.from({ length: 7 }, (_, weekday) => day(week * 7 + weekday)))
}

export type Turn = { person: string | null; from: number; until: number; override: boolean; begins: boolean; ends: boolean }
/** Who is on call in one day, in order. `begins`: in this day. */
export function turnsOf(shifts: Shift[], { from, until }: Pick<Day, 'from' | 'until'>): Turn[] {
  const within = shifts.filter(({ start, end }) => start < until && (end ?? Infinity) > from)
  return within.map(({ start, end, person, override }) => ({ person, from: Math.max(start, from), until: Math.min(end ?? until, until), override: override !== null, begins: start > from, ends: (end ?? Infinity) < until }))
}

/** By each channel what became of the last test, by name. */
export function reachedBy(pages: PageItem[]): PageItem[] {
  const last = new Map<string, PageItem>()
  for (const page of pages) {
    const known = last.get(page.channel)
    if (!known || page.at > known.at || (page.at === known.at && page.id > known.id)) last.set(page.channel, page)
  }
  return [...last.values()].sort((a, b) => a.channel.localeCompare(b.channel))
}

/** Somebody who sleeps, and what they are told of in the morning. */
export type Held = { contact: string; until: number; why: string; incident: { id: number; title: string } }

/** Whoever wakes first first. */
export function heldOf(incidents: Pick<Incident, 'id' | 'title' | 'held'>[]): Held[] {
  const all = incidents.flatMap(({ id, title, held = [] }) => held.map((one) => ({ ...one, incident: { id, title } })))
  return all.sort((a, b) => a.until - b.until || a.contact.localeCompare(b.contact) || a.incident.id - b.incident.id)
}
