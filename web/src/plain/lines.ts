/**
 * Columns of numbers, as the server sends them and as charts draw them. A `Line` is one series over time: value i stands
 * for the `width` seconds from `start + i * width`. Missing is null.
 */
import type { Window } from './span.ts'

export type Values = (number | null)[]

export type Line = {
  name: string
  target: number
  step: number
  /** Seconds that one column covers; more than `step` when the server consolidated. */
  width: number
  start: number
  values: Values
  /** Only when one column covers several slots. */
  low: Values | null
  high: Values | null
  known: number[] | null
}

export type Stats = { last: number | null; lastAt: number | null; min: number | null; avg: number | null; max: number | null; points: number }

/** Over the columns in (from, to]. The average weighs each column by the points it stands for. */
export function statsOf(line: Line, from = -Infinity, to = Infinity): Stats {
  const stats: Stats = { last: null, lastAt: null, min: null, avg: null, max: null, points: 0 }
  let sum = 0
  const first = Math.max(0, Math.ceil((from - line.start) / line.width))
  const end = Math.min(line.values.length, Math.floor((to - line.start) / line.width) + 1)
  for (let i = first; i < end; i++) {
    const value = line.values[i]
    if (value === null) continue
    const low = line.low?.[i] ?? value
    const high = line.high?.[i] ?? value
    const weight = line.known?.[i] ?? 1
    if (stats.min === null || low < stats.min) stats.min = low
    if (stats.max === null || high > stats.max) stats.max = high
    sum += value * weight
    stats.points += weight
    stats.last = value
    stats.lastAt = line.start + i * line.width
  }
  if (stats.points > 0) stats.avg = sum / stats.points
  return stats
}

/** The moment of the newest point of all lines. */
export function lastAt(lines: Line[]): number | null {
  const ends = lines.flatMap(({ values, start, width }) => {
    const last = values.findLastIndex((value) => value !== null)
    return last < 0 ? [] : [start + last * width]
  })
  return ends.length ? Math.max(...ends) : null
}

export type Stretch = [from: number, to: number]

/** Usual distance between known columns, in columns: 1 for a dense line, 60 for a minute's point kept by the second. */
export function rhythm(values: Values): number {
  const distances: number[] = []
  let previous = -1
  let dense = 0
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null) continue
    if (previous >= 0 && i - previous > 1) distances.push(i - previous)
    else if (previous >= 0) dense++
    previous = i
  }
  // Most lines are dense and are asked once a frame: they need no sorting.
  if (dense >= distances.length) return 1
  distances.sort((a, b) => a - b)
  return distances[Math.max(0, ((distances.length + dense) >> 1) - dense)]
}

/**
 * Where the line has a gap: a known column, then nothing for longer than its rhythm explains, then a known one.
 * A sparse series is not full of gaps; a dense one with a missing second has one.
 */
export function gapsOf(line: Line): Stretch[] {
  const most = longestPause(line.values)
  const gaps: Stretch[] = []
  let previous = -1
  for (let i = 0; i < line.values.length; i++) {
    if (line.values[i] === null) continue
    if (previous >= 0 && i - previous > most) gaps.push([line.start + previous * line.width, line.start + i * line.width])
    previous = i
  }
  return gaps
}

/** Columns between two known ones that still count as connected. */
export function longestPause(values: Values): number {
  const usual = rhythm(values)
  return usual === 1 ? 1 : Math.ceil(usual * 2.5)
}

/** Stretches in which every one of the lines has a gap: what a chart hatches. */
export function sharedGaps(lines: Line[]): Stretch[] {
  if (lines.length === 0) return []
  return lines.map(gapsOf).reduce(intersection)
}

export function intersection(a: Stretch[], b: Stretch[]): Stretch[] {
  const both: Stretch[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i][0], b[j][0])
    const to = Math.min(a[i][1], b[j][1])
    if (from < to) both.push([from, to])
    if (a[i][1] < b[j][1]) i++
    else j++
  }
  return both
}

/** Running totals from the first line up; a missing value adds nothing but the sum stays missing if all are. */
export function stacked(columns: Values[]): Values[] {
  const sums: Values[] = []
  columns.forEach((column, index) => {
    const below = sums[index - 1]
    sums.push(column.map((value, i) => (value === null ? (below?.[i] ?? null) : value + (below?.[i] ?? 0))))
  })
  return sums
}

/** The part of a live window in which there is something: a new server's graphs grow from a minute to their full width. */
export function begun(lines: Line[], { from, to }: Window): Window {
  const firsts = lines.flatMap(({ values, start, width }) => {
    const first = values.findIndex((value) => value !== null)
    return first < 0 ? [] : [start + first * width]
  })
  const first = Math.min(...firsts)
  const empty = (first - from) / (to - from)
  // A slow rhythm begins late in every window: the window stays where it is.
  if (firsts.length === 0 || empty < EMPTY_SHARE) return { from, to }
  return { from: Math.max(from, Math.min(first, to - LEAST_S)), to }
}
const EMPTY_SHARE = 0.1
const LEAST_S = 60

/** A calm y range: from 0 unless the data lies far from it; where small graphs stand side by side, always from 0. */
export function yRange(min: number | null, max: number | null, fromZero = false): [number, number] {
  if (min === null || max === null) return [0, 1]
  if (min === max) return aroundOne(min)
  const far = !fromZero && (min > 0 ? min > 0.6 * max : max < 0 && max < 0.6 * min)
  const room = (max - min) * 0.08
  if (far) return [min - room, max + room]
  return [min >= 0 ? 0 : min - room, max <= 0 ? 0 : max + (max - Math.min(min, 0)) * 0.08]
}

function aroundOne(value: number): [number, number] {
  if (value === 0) return [0, 1]
  return value > 0 ? [0, value * 1.25] : [value * 1.25, 0]
}
