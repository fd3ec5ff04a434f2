/** Months as the page steps through them. Pure. */

/** `2026-10`, by the clock of whoever looks: `offset` is their zone's, in seconds. */
export function monthOf(at: number, offset: number): string {
  return new Date((at + offset) * 1000).toISOString().slice(0, 7)
}

export function stepped(month: string, by: 1 | -1): string {
  const [year, number] = month.split('-').map(Number)
  return new Date(Date.UTC(year, number - 1 + by, 1)).toISOString().slice(0, 7)
}

export const isMonth = (text: string | undefined): text is string => /^\d{4}-(0[1-9]|1[0-2])$/.test(text ?? '')

export function monthName(month: string): string {
  const [year, number] = month.split('-').map(Number)
  return new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(Date.UTC(year, number - 1, 1))
}

/** Availability is read by its nines: 99.9 and 99.95 differ, 99.95001 and 99.95 do not. A fall below 100 never reads as 100. */
export function attained(percent: number | null): string {
  if (percent === null) return '–'
  if (percent === 100) return '100\u202f%'
  const places = percent >= 99 ? 3 : 1
  // A hair more than binary fractions lose: 99.95 is 99.95.
  const cut = Math.floor(percent * 10 ** places + 1e-6) / 10 ** places
  return `${cut.toFixed(places).replace(/0+$/, '').replace(/\.$/, '')}\u202f%`
}

/** `monitor:api-latency` as people know it, and where its page is. */
export function subject(reason: string): { name: string; item: string | null } {
  const [, kind, name] = /^(monitor|host):(.+)$/s.exec(reason) ?? []
  if (!name) return { name: reason, item: null }
  return { name, item: kind === 'host' ? `host:${name}` : name }
}
