/** A uPlot's options for given lines and looks. */
import uPlot from 'uplot'
import { longestPause, yRange, type Line } from '../plain/lines.ts'
import type { Unit } from '../plain/number.ts'
import type { Level } from '../plain/perfdata.ts'
import type { Zone } from '../plain/place.ts'
import { timeAxis, valueAxis } from './axes.ts'
import { withLevels } from './levels.ts'
import { colours, faded } from './palette.ts'
import type { LineStyle } from './style.ts'

export type Look = { unit: Unit; zone: Zone; log: boolean; stack: boolean; compact: boolean; height: number; levels?: Level[]; /** Levels say what they are; small graphs always do. */ worded?: boolean }
export type Drawn = { line: Line; style: LineStyle; faint: boolean }

/** Beyond this many lines, bands from min to max only make mud. */
const MOST_BANDS = 8

/** Up to one pixel a line is drawn as such; a wider one is an area that is filled, at ten times the cost. Small graphs stand by the dozen. */
const HAIRLINE = 1

/** How solid the line of another time is: beside its original, still clear to see. */
const ECHO = 0.75

/** How solid the areas of a stack are. */
const STACKED = 0.8

export function banded(drawn: Drawn[], look: Look): Drawn[] {
  return look.stack || drawn.length > MOST_BANDS ? [] : drawn.filter(({ line }) => line.low && line.high)
}

export function options(drawn: Drawn[], look: Look, width: number): uPlot.Options {
  const bands = banded(drawn, look)
  const first = 1 + drawn.length
  return {
    width,
    height: look.height,
    padding: [8, look.compact ? 4 : 8, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => (look.zone === 'utc' ? uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') : new Date(seconds * 1000)),
    cursor: {
      drag: { x: true, y: false, setScale: false, dist: 6 },
      points: { size: 7, width: 2 },
      sync: { key: 'all', setSeries: false },
      y: false,
    },
    scales: { x: { time: true, auto: false }, y: yScale(look) },
    axes: [timeAxis(look.zone, look.compact), valueAxis(look.unit, look.compact)],
    series: [{}, ...drawn.map((one, index) => series(one, look, drawn.length, index)), ...bands.flatMap(edges)],
    bands: look.stack
      ? drawn.slice(1).map((one, index) => ({ series: [index + 2, index + 1] as [number, number], fill: faded(colourOf(one), STACKED) }))
      : bands.map((one, index) => ({ series: [first + 2 * index, first + 2 * index + 1] as [number, number], fill: faded(colourOf(one), 0.18) })),
  }
}

function yScale(look: Look): uPlot.Scale {
  if (look.log) return { distr: 3, log: 10, range: (_, min, max) => (min === null ? [1, 10] : uPlot.rangeLog(min, max, 10, true)) }
  return { range: (_, min, max) => yRange(...withLevels(min ?? null, max ?? null, look.levels ?? []), look.compact) }
}

export function colourOf({ style }: Drawn): string {
  return colours().series[style.colour]
}

function series(drawn: Drawn, look: Look, count: number, index: number): uPlot.Series {
  const colour = colourOf(drawn)
  // A stack is read by its areas: edges of thin layers would hide those beneath.
  if (look.stack) return { label: drawn.line.name, stroke: undefined, width: 0, points: { show: false }, fill: index === 0 ? faded(colour, STACKED) : undefined }
  return {
    label: drawn.line.name,
    stroke: drawn.faint ? faded(colour, 0.28) : drawn.style.echo ? faded(colour, ECHO) : colour,
    width: look.compact ? HAIRLINE : count > 20 || drawn.style.echo ? 1.25 : 1.5,
    dash: drawn.style.dash.length ? drawn.style.dash : undefined,
    fill: count === 1 ? faded(colour, 0.1) : undefined,
    gaps: (plot, _, __, ___, gaps) => realGaps(plot, drawn.line, gaps),
    points: { show: true, filter: lonely, size: 4, fill: colour, width: 0 },
  }
}

/** Min and max of wide columns: not drawn themselves, only the band between them. */
function edges(): uPlot.Series[] {
  const edge: uPlot.Series = { points: { show: false }, stroke: undefined, width: 0 }
  return [edge, { ...edge }]
}

/** A pause that the line's own rhythm explains is no gap. */
function realGaps(plot: uPlot, line: Line, gaps: uPlot.Series.Gaps): uPlot.Series.Gaps {
  if (gaps.length === 0) return gaps
  const usual = longestPause(line.values) * line.width
  const pixels = plot.valToPos(plot.scales.x.min! + usual, 'x', true) - plot.bbox.left
  return gaps.filter(([from, to]) => to - from > pixels + 1)
}

/** Points are marked only where a line cannot show them: neighbours missing on both sides. */
function lonely(plot: uPlot, seriesIndex: number): number[] {
  const values = plot.data[seriesIndex]
  const found: number[] = []
  for (let i = 0; i < values.length && found.length < 500; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i)
  }
  return found
}
