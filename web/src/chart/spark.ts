/** A line in a table row, drawn by hand: no axes, no cursor, a few hundred bytes of work. */
import { longestPause, yRange, type Line } from '../plain/lines.ts'
import type { Window } from '../plain/span.ts'
import { colours, faded } from './palette.ts'
import { styleOf } from './style.ts'

export function drawSpark(canvas: HTMLCanvasElement, line: Line | undefined, window: Window) {
  drawSparks(canvas, line ? [line] : [], window)
}

/** Several lines on one scale; only a line that is alone is filled. */
export function drawSparks(canvas: HTMLCanvasElement, lines: Line[], window: Window) {
  const ratio = devicePixelRatio
  const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio]
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height]
  const pen = canvas.getContext('2d')
  if (!pen || lines.length === 0) return
  pen.clearRect(0, 0, width, height)
  const range = rangeOf(lines)
  pen.lineWidth = 1.25 * ratio
  pen.lineJoin = 'round'
  lines.forEach((line, index) => drawLine(pen, line, scales(line, window, range, width, height, ratio), colours().series[styleOf(index).colour], lines.length === 1))
}

function drawLine(pen: CanvasRenderingContext2D, line: Line, place: Place, colour: string, filled: boolean) {
  const { height } = pen.canvas
  pen.strokeStyle = colour
  pen.fillStyle = faded(colour, 0.12)
  for (const run of runsOf(line, place)) {
    trace(pen, run)
    pen.stroke()
    if (!filled) continue
    pen.lineTo(run[run.length - 1][0], height)
    pen.lineTo(run[0][0], height)
    pen.fill()
  }
}

type Point = [x: number, y: number]
type Place = (column: number, value: number) => Point

function rangeOf(lines: Line[]): [number, number] {
  let [low, high]: [number | null, number | null] = [null, null]
  for (const { values } of lines) {
    for (const value of values) {
      if (value === null) continue
      if (low === null || value < low) low = value
      if (high === null || value > high) high = value
    }
  }
  return yRange(low, high)
}

function scales(line: Line, window: Window, [bottom, top]: [number, number], width: number, height: number, ratio: number): Place {
  const room = 2 * ratio
  return (column, value) => [
    ((line.start + column * line.width - window.from) / (window.to - window.from)) * width,
    height - room - ((value - bottom) / (top - bottom)) * (height - 2 * room),
  ]
}

/** Connected stretches; a gap breaks the line here too. */
function runsOf(line: Line, place: Place): Point[][] {
  const runs: Point[][] = []
  const pause = longestPause(line.values)
  let previous = -Infinity
  line.values.forEach((value, column) => {
    if (value === null) return
    if (column - previous > pause) runs.push([])
    runs[runs.length - 1].push(place(column, value))
    previous = column
  })
  return runs
}

function trace(pen: CanvasRenderingContext2D, run: Point[]) {
  pen.beginPath()
  pen.moveTo(...run[0])
  for (const point of run) pen.lineTo(...point)
  if (run.length === 1) pen.lineTo(run[0][0] + pen.lineWidth, run[0][1])
}
