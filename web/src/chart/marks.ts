/** What stands upright on a graph: deploys and other annotations, changes of the clocks, and the newest point of each line. */
import type uPlot from 'uplot'
import { colours } from './palette.ts'

export type Mark = { at: number; kind: 'annotation' | 'clock'; text?: string }

export function drawMarks(plot: uPlot, marks: Mark[], pointed: number | null) {
  const { ctx, bbox } = plot
  const { text, muted, accent } = colours()
  const unit = devicePixelRatio
  ctx.save()
  for (const { at, kind } of marks) {
    const x = Math.round(plot.valToPos(at, 'x', true)) + 0.5
    if (x < bbox.left || x > bbox.left + bbox.width) continue
    const chosen = kind === 'annotation' && at === pointed
    ctx.strokeStyle = chosen ? accent : kind === 'annotation' ? text : muted
    ctx.fillStyle = ctx.strokeStyle
    ctx.lineWidth = chosen ? 2 * unit : unit
    ctx.setLineDash(chosen ? [] : kind === 'annotation' ? [3 * unit, 3 * unit] : [unit, 3 * unit])
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
    if (kind === 'annotation') flag(ctx, x, bbox.top, 5 * unit)
  }
  ctx.restore()
}

function flag(ctx: CanvasRenderingContext2D, x: number, top: number, size: number) {
  ctx.beginPath()
  ctx.moveTo(x - size, top)
  ctx.lineTo(x + size, top)
  ctx.lineTo(x, top + size * 1.2)
  ctx.fill()
}

/** Marks so near to a place on the graph that who points there means them. */
export function marksAt(plot: uPlot, marks: Mark[], left: number): Mark[] {
  return marks.filter(({ at, text }) => text && Math.abs(plot.valToPos(at, 'x') - left) <= NEAR_PIXELS)
}
const NEAR_PIXELS = 6

/** A dot where a live line ends: the eye finds "now". */
export function drawEnd(plot: uPlot, at: number, value: number, colour: string) {
  const { ctx, bbox } = plot
  const x = plot.valToPos(at, 'x', true)
  const y = plot.valToPos(value, 'y', true)
  if (x < bbox.left || y < bbox.top || y > bbox.top + bbox.height) return
  ctx.beginPath()
  ctx.arc(x, y, 2.5 * devicePixelRatio, 0, 2 * Math.PI)
  ctx.fillStyle = colour
  ctx.fill()
}
