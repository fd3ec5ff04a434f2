/** Axes: 24 h time in the chosen zone, values with units, labels that fit. */
import uPlot from 'uplot'
import { clock, day } from '../plain/clock.ts'
import { formatted, type Unit } from '../plain/number.ts'
import type { Zone } from '../plain/place.ts'
import { colours } from './palette.ts'

const FONT = '12px system-ui, sans-serif'
const DAY = 86_400
/** Distances between labels of time, as clocks divide it: between one and five minutes lie two, so that no window has but one label. */
const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, ...[1, 2, 3, 5, 7, 15, 30, 60, 90, 180, 365, 730, 1825].map((days) => days * DAY),
]
const BINARY_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power)

export function timeAxis(zone: Zone, compact: boolean): uPlot.Axis {
  return {
    ...frame(),
    size: compact ? 22 : 28,
    gap: compact ? 3 : 5,
    space: (_, __, from, to, pixels) => room(compact, (to - from) / pixels),
    incrs: TIME_STEPS,
    values: (plot, splits, _, __, increment) => labels(splits, increment, zone).map((label, index) => (fits(plot, splits[index]) ? label : '')),
    grid: { show: false },
  }
}

/** Pixels that a label needs: more where it tells seconds. */
function room(compact: boolean, secondsPerPixel: number): number {
  const [plain, withSeconds] = compact ? [46, 64] : [72, 84]
  return secondsPerPixel * withSeconds < 60 ? withSeconds : plain
}

/** A label at the right edge would be cut in half, at the left it would lie under the lowest value's. */
function fits(plot: uPlot, at: number): boolean {
  const left = plot.valToPos(at, 'x')
  // Not the element's width: a plot that is being made has none yet.
  return left > 24 && plot.bbox.width / devicePixelRatio - left > 24
}

/** A new day names itself; otherwise the time, with seconds only where ticks are that close. */
export function labels(splits: number[], increment: number, zone: Zone): string[] {
  return splits.map((at, index) => {
    if (at === null) return ''
    const today = day(at, zone)
    const newDay = index > 0 && day(splits[index - 1], zone) !== today
    return increment >= DAY || newDay ? today : clock(at, zone, increment < 60)
  })
}

export function valueAxis(unit: Unit, compact: boolean): uPlot.Axis {
  const bytes = unit === 'B' || unit === 'B/s'
  return {
    ...frame(),
    ...(bytes ? { incrs: BINARY_STEPS } : {}),
    space: compact ? 30 : 38,
    gap: 6,
    size: (plot, values) => widest(plot, values),
    values: (_, splits) => splits.map((value) => (value === null ? '' : formatted(value, onAxis(unit)))),
    grid: { stroke: colours().grid, width: 1 },
  }
}

/** A unit that is a word is said by the title; on every tick it would only take room. */
function onAxis(unit: Unit): Unit {
  return unit !== null && /^[a-z]{3,}$/i.test(unit) ? null : unit
}

function frame(): uPlot.Axis {
  return { stroke: colours().muted, font: FONT, ticks: { show: false } }
}

function widest(plot: uPlot, values: string[] | null): number {
  const longest = (values ?? []).reduce((a, b) => (b && b.length > a.length ? b : a), '')
  plot.ctx.font = FONT
  const pixels = plot.ctx.measureText(longest).width
  // Room grows in steps, so that a graph does not shiver when 9 becomes 10.
  return Math.max(40, Math.ceil((pixels + 14) / 8) * 8)
}
