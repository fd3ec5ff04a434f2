/** Shifts as a strip of days. Pure. */
import type { OnCallNow, Shift } from '../../api/oncall.ts'

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
