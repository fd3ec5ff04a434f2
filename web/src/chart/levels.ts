/** Lines across a graph: thresholds, in the colour of the state that lies beyond them. */
import type uPlot from 'uplot'
import { formatted, type Unit } from '../plain/number.ts'
import type { Level } from '../plain/perfdata.ts'
import { words } from '../words.ts'
import { colours } from './palette.ts'

/** A level so many times as far away as the data reaches would only flatten it. */
const FARTHEST = 6

/** The range of the data, with the levels that are near enough to be seen beside it. */
export function withLevels(min: number | null, max: number | null, levels: Level[]): [number | null, number | null] {
  if (levels.length === 0) return [min, max]
  const ends = levels.map(({ at }) => at)
  if (min === null || max === null) return [Math.min(...ends), Math.max(...ends)]
  const reach = FARTHEST * Math.max(Math.abs(min), Math.abs(max), max - min)
  const near = ends.filter((at) => Math.abs(at) <= reach)
  return [Math.min(min, ...near), Math.max(max, ...near)]
}

/** Without a word where something that can be dragged lies over them and says it. */
export function drawLevels(plot: uPlot, levels: Level[], unit: Unit, worded: boolean) {
  const { ctx, bbox } = plot
  const ratio = devicePixelRatio
  ctx.save()
  ctx.lineWidth = 1.25 * ratio
  ctx.font = `${10 * ratio}px system-ui, sans-serif`
  for (const { at, state } of levels) {
    const y = Math.round(plot.valToPos(at, 'y', true)) + 0.5
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) continue
    ctx.strokeStyle = ctx.fillStyle = colours()[state]
    ctx.setLineDash(state === 'critical' ? [] : [6 * ratio, 4 * ratio])
    ctx.beginPath()
    ctx.moveTo(bbox.left, y)
    ctx.lineTo(bbox.left + bbox.width, y)
    ctx.stroke()
    if (!worded) continue
    // Apart from each other, one at each end, and never over the edge.
    const above = state === 'critical' ? y - bbox.top > 14 * ratio : bbox.top + bbox.height - y < 14 * ratio
    ctx.textBaseline = above ? 'bottom' : 'top'
    ctx.textAlign = state === 'critical' ? 'left' : 'right'
    const x = state === 'critical' ? bbox.left + 4 * ratio : bbox.left + bbox.width - 4 * ratio
    ctx.fillText(words.graph.level(words.states[state].toLowerCase(), formatted(at, unit)), x, y + (above ? -2 : 3) * ratio)
  }
  ctx.restore()
}
