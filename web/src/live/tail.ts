/**
 * Lines that grow: history from one answer, then slots from the stream. Columns stay plain arrays that charts read
 * without copying; lines of one column width share their x and are kept equally long.
 */
import type { GraphSeries } from '../api/types.ts'
import type { Line, Values } from '../plain/lines.ts'

export type Growing = Line & { tags: Record<string, string>; through: number }

/** Lines of one column width, with their shared times. */
export class Grid {
  readonly width: number
  x: number[] = []
  lines: Growing[] = []

  constructor(width: number) {
    this.width = width
  }

  get start(): number {
    return this.x[0]
  }

  add(line: Growing) {
    if (this.lines.length === 0) this.x = line.values.map((_, i) => line.start + i * this.width)
    else this.#fit(line)
    this.lines.push(line)
  }

  /** A line from another answer (or a new one from the stream) takes the shape of the grid. */
  #fit(line: Growing) {
    const end = line.start + line.values.length * this.width
    while (this.x.length && this.x[0] > line.start && line.values.length) this.#prepend()
    if (line.values.length) this.reach(end - this.width)
    for (const column of columns(line)) {
      while (column.length && line.start > this.start && column.length < this.x.length) column.unshift(null)
      while (column.length < this.x.length) column.push(null)
    }
    line.start = this.start
  }

  #prepend() {
    this.x.unshift(this.x[0] - this.width)
    for (const line of this.lines) {
      line.start -= this.width
      for (const column of columns(line)) column.unshift(null)
    }
  }

  /** Make sure that there is a column for `slot`. */
  reach(slot: number) {
    if (this.x.length === 0) return
    for (let next = this.x[this.x.length - 1] + this.width; next <= slot; next += this.width) {
      this.x.push(next)
      for (const line of this.lines) for (const column of columns(line)) column.push(null)
    }
  }

  /** Forget columns that end before `time`. */
  trim(time: number) {
    let gone = 0
    while (gone < this.x.length && this.x[gone] + this.width < time) gone++
    if (gone === 0) return
    this.x.splice(0, gone)
    for (const line of this.lines) {
      line.start += gone * this.width
      for (const column of columns(line)) column.splice(0, gone)
    }
  }
}

function columns(line: Line): Values[] {
  const all = [line.values]
  if (line.low) all.push(line.low)
  if (line.high) all.push(line.high)
  if (line.known) all.push(line.known)
  return all
}

export function lineOf(series: GraphSeries, target: number): Growing {
  const width = series.step * series.every
  const line = {
    name: series.name,
    tags: series.tags,
    target,
    step: series.step,
    width,
    start: series.start,
    values: series.values,
    low: series.every > 1 ? (series.min ?? null) : null,
    high: series.every > 1 ? (series.max ?? null) : null,
    known: series.every > 1 ? (series.count ?? null) : null,
  }
  return { ...line, through: lastSlot(line) }
}

/** The last slot that history holds, taking the slots of its last column to be without a gap. */
function lastSlot(line: Line): number {
  let last = line.values.length - 1
  while (last >= 0 && line.values[last] === null) last--
  if (last < 0) return -Infinity
  return line.start + last * line.width + ((line.known?.[last] ?? 1) - 1) * line.step
}

/** One slot from the stream. In wide columns a slot counts once: corrections come with the next whole answer. */
export function put(grid: Grid, line: Growing, slot: number, value: number | null) {
  if (slot < grid.start) return
  grid.reach(slot)
  const column = Math.floor((slot - line.start) / line.width)
  if (line.width === line.step) line.values[column] = value
  else if (value !== null && slot > line.through) widen(line, column, value)
  if (value !== null && slot > line.through) line.through = slot
}

function widen(line: Growing, column: number, value: number) {
  const known = line.known?.[column] ?? 0
  const before = line.values[column] ?? 0
  line.values[column] = (before * known + value) / (known + 1)
  if (line.known) line.known[column] = known + 1
  if (line.low) line.low[column] = known ? Math.min(line.low[column] ?? value, value) : value
  if (line.high) line.high[column] = known ? Math.max(line.high[column] ?? value, value) : value
}

/** Columns for drawing: x and each line's values on it. `undefined` where a line has no column, unlike a missing value. */
export type Column = (number | null | undefined)[]
export type Aligned = { x: number[]; of: (values: Values, line: Line) => Column }

export function aligned(grids: Grid[]): Aligned {
  if (grids.length <= 1) return { x: grids[0]?.x ?? [], of: (values) => values }
  const x = merged(grids.map((grid) => grid.x))
  const index = new Map(x.map((time, i) => [time, i]))
  const of = (values: Values, line: Line) => {
    const spread: Column = new Array(x.length).fill(undefined)
    values.forEach((value, i) => (spread[index.get(line.start + i * line.width)!] = value))
    return spread
  }
  return { x, of }
}

function merged(all: number[][]): number[] {
  return [...new Set(all.flat())].sort((a, b) => a - b)
}
