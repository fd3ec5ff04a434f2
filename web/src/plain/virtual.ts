/** Which rows of a long list are in sight. Lists too tall for a browser are scrolled in proportion. */

export type Sight = { first: number; end: number; offset: number; height: number }

/** Browsers stop laying out at 17 to 33 million pixels. */
const TALLEST = 8_000_000
const SPARE = 6

export function sight(scrollTop: number, viewport: number, count: number, rowHeight: number): Sight {
  const full = count * rowHeight
  const height = Math.min(full, TALLEST)
  const room = Math.max(1, height - viewport)
  const scrolled = full > TALLEST ? (scrollTop / room) * (full - viewport) : scrollTop
  const first = Math.max(0, Math.floor(scrolled / rowHeight) - SPARE)
  const end = Math.min(count, Math.ceil((scrolled + viewport) / rowHeight) + SPARE)
  return { first, end, offset: scrollTop + first * rowHeight - scrolled, height }
}

/** Where to scroll so that a row is in sight; null if it is already. */
export function scrollFor(row: number, scrollTop: number, viewport: number, count: number, rowHeight: number): number | null {
  const { height } = sight(0, viewport, count, rowHeight)
  const full = count * rowHeight
  const scale = full > TALLEST ? (height - viewport) / (full - viewport) : 1
  const top = row * rowHeight
  const scrolled = scrollTop / scale
  if (top < scrolled) return top * scale
  if (top + rowHeight > scrolled + viewport) return (top + rowHeight - viewport) * scale
  return null
}
