/**
 * One graph on its canvas. In: lines that grow in place, a window, looks. Out: readings under the cursor, windows that a
 * drag selected. The only place that owns a uPlot; it is made anew when lines come or go, and only fed otherwise.
 */
import uPlot from 'uplot'
import { longestPause, sharedGaps, stacked, type Stretch } from '../plain/lines.ts'
import type { Window } from '../plain/span.ts'
import { aligned, type Column, type Grid, type Growing } from '../live/tail.ts'
import { hatch } from './hatch.ts'
import { drawLevels } from './levels.ts'
import { drawEnd, drawMarks, marksAt, type Mark } from './marks.ts'
import { banded, colourOf, options, type Drawn, type Look } from './options.ts'
import type { LineStyle } from './style.ts'

export type Scene = {
  grids: Grid[]
  lines: Growing[]
  styles: LineStyle[]
  /** Indices of lines that are shown; null: all. */
  shown: number[] | null
  /** The line that the pointer rests on in the legend. */
  focus: number | null
  marks: Mark[]
  /** The moment of the mark that is pointed at from outside. */
  pointed: number | null
  /** Stretches known to be empty: recovery gaps, a lost stream. */
  empty: Stretch[]
  window: Window
  live: boolean
}

export type Reading = { at: number; left: number; values: { index: number; value: number | null }[]; marks: Mark[] }
/** For what is laid over a graph. */
export type Layout = { top(value: number): number; value(pixels: number): number; above: number; left: number; width: number; height: number }
export type Told = { zoom(window: Window): void; reading(reading: Reading | null): void }

/** Without a point for this many columns a live graph hatches up to now. */
const PATIENCE_COLUMNS = 4
const PATIENCE_S = 4

export class Plot {
  #host: HTMLElement
  #told: Told
  #look: Look
  #scene: Scene
  #plot: uPlot | null = null
  #drawn: Drawn[] = []
  #index: number[] = []
  #hatched: Stretch[] = []

  constructor(host: HTMLElement, look: Look, scene: Scene, told: Told) {
    this.#host = host
    this.#told = told
    this.#look = look
    this.#scene = scene
  }

  /** Lines, looks or theme changed. */
  rebuild(look: Look, scene: Scene) {
    this.#look = look
    this.#scene = scene
    this.#plot?.destroy()
    this.#index = scene.shown ?? scene.lines.map((_, index) => index)
    this.#drawn = this.#index.map((index) => ({
      line: scene.lines[index],
      style: scene.styles[index],
      faint: scene.focus !== null && scene.focus !== index,
    }))
    const made = options(this.#drawn, look, this.#host.clientWidth)
    made.hooks = {
      drawAxes: [(plot) => hatch(plot, this.#hatched), (plot) => drawLevels(plot, look.levels ?? [], look.unit, look.worded ?? look.compact)],
      draw: [(plot) => this.#decorate(plot)],
      setCursor: [(plot) => this.#read(plot)],
      setSelect: [(plot) => this.#select(plot)],
    }
    this.#plot = new uPlot(made, [[]], this.#host)
    this.draw(scene)
  }

  /** New points or a later window: the lines themselves are read again. */
  draw(scene: Scene) {
    this.#scene = scene
    const plot = this.#plot
    if (!plot) return
    this.#hatched = hatchedParts(scene, this.#drawn)
    const { x, of } = aligned(scene.grids)
    plot.setData([x, ...this.#columns(of)] as uPlot.AlignedData, false)
    plot.setScale('x', { min: scene.window.from, max: scene.window.to })
  }

  #columns(of: (values: Growing['values'], line: Growing) => Column): Column[] {
    const values = this.#drawn.map(({ line }) => of(line.values, line as Growing))
    if (this.#look.stack) return stacked(values.map((column) => column.map((value) => value ?? null)))
    const edges = banded(this.#drawn, this.#look).flatMap(({ line }) => [of(line.high!, line as Growing), of(line.low!, line as Growing)])
    const all = [...values, ...edges]
    return this.#look.log ? all.map(positive) : all
  }

  resize() {
    const width = this.#host.clientWidth
    if (this.#plot && width > 0 && (width !== this.#plot.width || this.#look.height !== this.#plot.height)) {
      this.#plot.setSize({ width, height: this.#look.height })
    }
  }

  destroy() {
    this.#plot?.destroy()
    this.#plot = null
  }

  /** Where a value lies, in pixels from the top of the host, and back. */
  get layout(): Layout | null {
    const plot = this.#plot
    if (!plot) return null
    const { top, left, width, height } = plot.bbox
    const ratio = devicePixelRatio
    const above = top / ratio
    return { top: (value) => plot.valToPos(value, 'y') + above, value: (pixels) => plot.posToVal(pixels - above, 'y'), above, left: left / ratio, width: width / ratio, height: height / ratio }
  }

  /** Move the cursor by keyboard: to the column nearest to a moment. */
  pointAt(at: number) {
    const plot = this.#plot
    if (!plot) return
    plot.setCursor({ left: plot.valToPos(at, 'x'), top: plot.over.clientHeight / 2 })
  }

  /** Point at a mark, or at nothing. */
  point(at: number | null) {
    this.#scene.pointed = at
    if (at !== null) this.pointAt(at)
    else this.#plot?.setCursor({ left: -10, top: -10 })
    this.#plot?.redraw(false)
  }

  #decorate(plot: uPlot) {
    drawMarks(plot, this.#scene.marks, this.#scene.pointed)
    if (!this.#scene.live || this.#look.stack || this.#drawn.length > 6) return
    for (const drawn of this.#drawn) {
      const { values, start, width } = drawn.line
      const last = values.findLastIndex((value) => value !== null)
      if (last >= 0 && !drawn.faint && !drawn.style.echo) drawEnd(plot, start + last * width, values[last]!, colourOf(drawn))
    }
  }

  #read(plot: uPlot) {
    const { idx, left } = plot.cursor
    if (idx === null || idx === undefined || left === undefined || left < 0) return this.#told.reading(null)
    const at = plot.data[0][idx]
    if (at === undefined) return this.#told.reading(null)
    const values = this.#drawn.map(({ line }, position) => ({
      index: this.#index[position],
      value: line.values[Math.floor((at - line.start) / line.width)] ?? null,
    }))
    this.#told.reading({ at, left: plot.valToPos(at, 'x') + plot.bbox.left / devicePixelRatio, values, marks: marksAt(plot, this.#scene.marks, left) })
  }

  #select(plot: uPlot) {
    const { left, width } = plot.select
    if (width < 6) return
    const window = { from: plot.posToVal(left, 'x'), to: plot.posToVal(left + width, 'x') }
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
    this.#told.zoom(window)
  }
}

function positive(column: Column): Column {
  return column.map((value) => (value !== null && value !== undefined && value <= 0 ? null : value))
}

function hatchedParts(scene: Scene, drawn: Drawn[]): Stretch[] {
  const lines = drawn.map(({ line }) => line)
  const parts = [...sharedGaps(lines), ...scene.empty]
  const end = silentSince(lines)
  if (scene.live && end !== null && scene.window.to - end.since > end.patience) parts.push([end.since, scene.window.to])
  return parts
}

/** The newest point of all lines, and how long one waits for the next: as long as the lines' own rhythm explains. */
function silentSince(lines: Drawn['line'][]): { since: number; patience: number } | null {
  let since = -Infinity
  let patience = PATIENCE_S
  for (const { values, start, width } of lines) {
    const last = values.findLastIndex((value) => value !== null)
    if (last < 0) continue
    since = Math.max(since, start + last * width)
    patience = Math.max(patience, PATIENCE_COLUMNS * width, longestPause(values) * width)
  }
  return since === -Infinity ? null : { since, patience }
}
