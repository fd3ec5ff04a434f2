/** What Explore shows, worked out of its URL and of what came in. Pure. */
import { echoOf, styleOf, type LineStyle } from '../../chart/style.ts'
import type { Line, Stats } from '../../plain/lines.ts'
import type { Annotation } from '../../api/types.ts'
import { sameTimeEarlier } from '../../plain/clock.ts'
import { formatted, type Unit } from '../../plain/number.ts'
import { guessUnit, isShare } from '../../plain/names.ts'
import type { Zone } from '../../plain/place.ts'
import { compactOffset, LONGEST, offsetSeconds } from '../../plain/span.ts'
import { shiftedTarget } from '../../plain/target.ts'

/** What is offered; any other length of time can be written. */
export const EARLIER = ['1d', '7d', '30d'] as const

export type Options = {
  /** The same time this long before, drawn over it. */
  earlier: string | null
  log: boolean
  stack: boolean
  unit: Unit
  /** Names of the lines that are shown; empty: all. */
  only: string[]
  table: boolean
  /** What the lines must not reach. */
  limits: boolean
  /** On a narrow screen the names take the place of the graph. */
  names: boolean
  under: string
  /** Targets as chips. */
  chips: boolean
  /** How the answer was made. */
  explained: boolean
  /** Tags of the events that are marked: null for all, empty for none. */
  events: string[] | null
}

export function optionsOf(more: Record<string, string>): Options {
  return {
    earlier: more.vs && earlierLength(more.vs) !== null ? more.vs : null,
    log: more.log === '1',
    stack: more.stack === '1' && more.log !== '1',
    unit: more.unit ?? null,
    only: more.only ? more.only.split('\n') : [],
    table: more.table === '1',
    limits: more.limits === '1',
    names: more.view === 'names',
    under: more.under ?? '',
    chips: more.chips === '1',
    explained: more.how === '1',
    events: more.events === undefined ? null : more.events.split(' ').filter((tag) => tag !== ''),
  }
}

/** Seconds of `28d`; null if that is no length of time one could look back. */
export function earlierLength(text: string): number | null {
  const seconds = offsetSeconds(text)
  return seconds !== null && seconds > 0 && seconds <= LONGEST ? seconds : null
}

/** How far back to look for the same time by the clock: where the clocks changed meanwhile, a day is 23 or 25 hours. */
export function lookingBack(earlier: string | null, at: number, zone: Zone): string | null {
  const length = earlier === null ? null : earlierLength(earlier)
  return length === null ? null : compactOffset(sameTimeEarlier(length, at, zone))
}

/** What is asked of the server: the targets, then each as it was. */
export function asked(targets: string[], back: string | null): string[] {
  return back ? [...targets, ...targets.map((target) => shiftedTarget(target, back))] : targets
}

/** For each line the index of the line whose past it is, or null if it is not an echo. */
export function originals(lines: { target: number }[], targets: number): (number | null)[] {
  const places = new Map<string, number>()
  const seen = new Map<number, number>()
  const place = (target: number) => {
    const n = seen.get(target) ?? 0
    seen.set(target, n + 1)
    return n
  }
  const keys = lines.map(({ target }) => ({ target, n: place(target) }))
  keys.forEach(({ target, n }, index) => target < targets && places.set(`${target} ${n}`, index))
  return keys.map(({ target, n }) => (target < targets ? null : (places.get(`${target - targets} ${n}`) ?? null)))
}

export function stylesOf(echoes: (number | null)[]): LineStyle[] {
  const order = new Map<number, number>()
  echoes.forEach((original, index) => original === null && order.set(index, order.size))
  return echoes.map((original, index) => (original === null ? styleOf(order.get(index)!) : echoOf(order.get(original) ?? 0)))
}

/** Indices of the lines to draw; null for all. An isolated line keeps its echo. */
export function shownOf(names: string[], echoes: (number | null)[], only: string[]): number[] | null {
  if (only.length === 0) return null
  const wanted = (index: number) => only.includes(names[echoes[index] ?? index])
  const shown = names.map((_, index) => index).filter(wanted)
  return shown.length ? shown : null
}

/** A click isolates; on the isolated line it shows all again; with shift it adds or takes away. */
export function toggled(only: string[], name: string, adding: boolean): string[] {
  if (!adding) return only.length === 1 && only[0] === name ? [] : [name]
  return only.includes(name) ? only.filter((one) => one !== name) : [...only, name]
}

/** One axis has one unit: chosen, or what all targets agree on. */
export function unitOf(chosen: Unit, told: Unit[], lines: { name: string; target: number }[]): Unit {
  if (chosen !== null) return chosen === 'none' ? null : chosen
  const units = new Set(lines.map(({ name, target }) => (isShare(name) ? null : told[target % Math.max(1, told.length)]) ?? guessUnit(name)))
  return units.size === 1 ? [...units][0] : null
}

export type Entry = { index: number; name: string; style: LineStyle; stats: Stats; echo: Stats | null }
export type SortKey = 'order' | 'name' | 'last' | 'min' | 'avg' | 'max' | 'change'
export type Sorting = { key: SortKey; down: boolean }

export function entries(lines: Line[], echoes: (number | null)[], styles: LineStyle[], stats: (line: Line) => Stats): Entry[] {
  const echoFor = new Map(echoes.flatMap((original, index) => (original === null ? [] : [[original, index] as const])))
  return lines.flatMap((line, index) => {
    if (echoes[index] !== null) return []
    const echo = echoFor.get(index)
    return [{ index, name: line.name, style: styles[index], stats: stats(line), echo: echo === undefined ? null : stats(lines[echo]) }]
  })
}

/** Average now against the average then, as a share; null where it cannot be said. */
export function change({ stats, echo }: Entry): number | null {
  if (!echo || stats.avg === null || echo.avg === null || echo.avg === 0) return null
  return (stats.avg - echo.avg) / Math.abs(echo.avg)
}

export function sortedEntries(all: Entry[], { key, down }: Sorting): Entry[] {
  if (key === 'order') return all
  const value = (entry: Entry) => (key === 'change' ? change(entry) : key === 'name' ? null : entry.stats[key])
  const order = key === 'name' ? (a: Entry, b: Entry) => a.name.localeCompare(b.name, 'en', { numeric: true }) : (a: Entry, b: Entry) => compare(value(a), value(b), down)
  const list = [...all].sort(order)
  return key === 'name' && down ? list.reverse() : list
}

/** What is missing comes last, whichever way. */
function compare(a: number | null, b: number | null, down: boolean): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  return down ? b - a : a - b
}

/** The first line of the page: what the graph says, in words. */
export type Saying =
  | { kind: 'nothing' }
  | { kind: 'silent'; name: string }
  | { kind: 'one'; name: string; last: string; min: string; max: string }
  | { kind: 'same'; count: number; value: string }
  | { kind: 'many'; count: number; highest: string; top: string; lowest: string; bottom: string }

export function saying(all: Entry[], unit: Unit, short: (index: number) => string): Saying {
  if (all.length === 0) return { kind: 'nothing' }
  const known = all.filter(({ stats }) => stats.last !== null)
  if (known.length === 0) return { kind: 'silent', name: short(all[0].index) }
  if (all.length === 1) {
    const [{ index, stats }] = all
    return { kind: 'one', name: short(index), last: formatted(stats.last, unit), min: formatted(stats.min, unit), max: formatted(stats.max, unit) }
  }
  const ranked = [...known].sort((a, b) => b.stats.last! - a.stats.last!)
  const [first, last] = [ranked[0], ranked[ranked.length - 1]]
  const value = formatted(first.stats.last, unit)
  if (formatted(last.stats.last, unit) === value) return { kind: 'same', count: all.length, value }
  return {
    kind: 'many', count: all.length,
    highest: short(first.index), top: formatted(first.stats.last, unit), lowest: short(last.index), bottom: formatted(last.stats.last, unit),
  }
}

/** Events to mark, and each tag with how many carry it, the most frequent first. */
export function eventsOf(all: Annotation[], tags: string[] | null): Annotation[] {
  return tags === null ? all : all.filter((one) => one.tags.some((tag) => tags.includes(tag)))
}

export function tagsOf(all: Annotation[]): [tag: string, count: number][] {
  const counts = new Map<string, number>()
  for (const tag of all.flatMap((one) => [...new Set(one.tags)])) counts.set(tag, (counts.get(tag) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
}
