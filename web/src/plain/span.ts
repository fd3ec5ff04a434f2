/** Windows of time. A `Span` is what the URL says (`-1h`, `now`, epoch seconds); a `Window` is seconds since 1970. */

export type Span = { from: string; to: string }
export type Window = { from: number; to: number }

const UNITS: [RegExp, number][] = [
  [/^s/, 1],
  [/^min/, 60],
  [/^h/, 3600],
  [/^d/, 86_400],
  [/^w/, 604_800],
  [/^mon/, 2_592_000],
  [/^y/, 31_536_000],
]

export const PRESETS = ['-1min', '-5min', '-15min', '-1h', '-3h', '-6h', '-24h', '-2d', '-7d', '-30d', '-90d', '-1y'] as const

/** Seconds of `5min`, `1h30min`, `90s`; null if it is not such a text. A bare `m` is refused, as Graphite does. */
export function offsetSeconds(text: string): number | null {
  let rest = text.trim().toLowerCase()
  let seconds = 0
  if (rest === '') return null
  while (rest !== '') {
    const part = /^(\d+)\s*([a-z]+)\s*/.exec(rest)
    const unit = part && UNITS.find(([pattern]) => pattern.test(part[2]))
    if (!part || !unit) return null
    seconds += Number(part[1]) * unit[1]
    rest = rest.slice(part[0].length)
  }
  return seconds
}

/** Epoch seconds of one end of a span, or null if it is not understood. */
export function instant(text: string, now: number): number | null {
  const plain = text.trim()
  if (/^\d{9,11}(\.\d+)?$/.test(plain)) return Number(plain)
  if (plain === 'now') return now
  const relative = /^(?:now)?([+-])(.+)$/.exec(plain)
  if (!relative) return null
  const offset = offsetSeconds(relative[2])
  if (offset === null) return null
  return relative[1] === '-' ? now - offset : now + offset
}

export function isLive(span: Span): boolean {
  return span.to === 'now' && /^(?:now)?-/.test(span.from)
}

export function understood(span: Span): boolean {
  const from = instant(span.from, 2_000_000_000)
  const to = instant(span.to, 2_000_000_000)
  return from !== null && to !== null && from < to
}

/** The window of a span at the moment `now`. A span that is not understood is the last hour. */
export function windowOf(span: Span, now: number): Window {
  const from = instant(span.from, now)
  const to = instant(span.to, now)
  if (from === null || to === null || from >= to) return { from: now - 3600, to: now }
  return { from, to }
}

export function fixed(window: Window): Span {
  return { from: String(Math.floor(window.from)), to: String(Math.ceil(window.to)) }
}

/** The same length of time, ending now: what "back to live" means. */
export function live(window: Window): Span {
  return { from: `-${compactOffset(Math.max(1, Math.round(window.to - window.from)))}`, to: 'now' }
}

/** The shortest exact spelling: 3600 is `1h`, 5400 is `90min`, 61 is `61s`. */
export function compactOffset(seconds: number): string {
  for (const [unit, size] of [['w', 604_800], ['d', 86_400], ['h', 3600], ['min', 60]] as const) {
    if (seconds % size === 0 && !(unit === 'w' && seconds < 1_209_600)) return `${seconds / size}${unit}`
  }
  return `${seconds}s`
}

/** Half a window back (-1) or forward (+1); never past now. */
export function shifted(window: Window, direction: 1 | -1, now: number): Span {
  const width = window.to - window.from
  const to = Math.min(window.to + (direction * width) / 2, now)
  return fixed({ from: to - width, to })
}

export const SHORTEST = 10
export const LONGEST = 10 * 31_536_000

/** Half as long (zoom in) or twice as long; a live window stays live, another keeps its middle. */
export function zoomed(span: Span, direction: 'in' | 'out', now: number): Span {
  const window = windowOf(span, now)
  const factor = direction === 'in' ? 0.5 : 2
  const width = Math.min(LONGEST, Math.max(SHORTEST, Math.round((window.to - window.from) * factor)))
  if (isLive(span)) return live({ from: now - width, to: now })
  const middle = (window.from + window.to) / 2
  const to = Math.min(middle + width / 2, now)
  return fixed({ from: to - width, to })
}
