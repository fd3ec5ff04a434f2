/** One tick, one frame: whoever draws, draws in the same animation frame, once a second and when data changed. */

type Draw = () => void

const drawers = new Set<Draw>()
let asked = false
let last = 0

export function onFrame(draw: Draw): () => void {
  drawers.add(draw)
  return () => drawers.delete(draw)
}

export function beat() {
  last = Date.now()
  if (asked) return
  asked = true
  requestAnimationFrame(frame)
}

function frame() {
  asked = false
  for (const draw of drawers) draw()
}

/** While no data comes the window moves on all the same, so that silence is seen. */
export function keepBeating(): () => void {
  const timer = setInterval(() => Date.now() - last > 1300 && beat(), 250)
  return () => clearInterval(timer)
}
