/** Hatching: here we know nothing. Never a line, never zero. */
import type uPlot from 'uplot'
import type { Stretch } from '../plain/lines.ts'
import { colours } from './palette.ts'

const patterns = new Map<string, CanvasPattern>()

function pattern(ctx: CanvasRenderingContext2D): CanvasPattern | string {
  const colour = colours().hatch
  const size = Math.round(7 * devicePixelRatio)
  const key = `${colour} ${size}`
  const made = patterns.get(key) ?? stripes(ctx, colour, size)
  if (!made) return colour
  patterns.set(key, made)
  return made
}

function stripes(ctx: CanvasRenderingContext2D, colour: string, size: number): CanvasPattern | null {
  const tile = document.createElement('canvas')
  tile.width = tile.height = size
  const pen = tile.getContext('2d')
  if (!pen) return null
  pen.strokeStyle = colour
  pen.lineWidth = size / 7
  pen.beginPath()
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size)
    pen.lineTo(shift + size, 0)
  }
  pen.stroke()
  return ctx.createPattern(tile, 'repeat')
}

/** Fill the stretches over the whole height of the plot. */
export function hatch(plot: uPlot, stretches: Stretch[]) {
  if (stretches.length === 0) return
  const { ctx, bbox } = plot
  ctx.save()
  ctx.beginPath()
  for (const [from, to] of stretches) {
    const left = Math.max(bbox.left, plot.valToPos(from, 'x', true))
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, 'x', true))
    if (right - left >= 1) ctx.rect(left, bbox.top, right - left, bbox.height)
  }
  ctx.fillStyle = pattern(ctx)
  ctx.fill()
  ctx.restore()
}
