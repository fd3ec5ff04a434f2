/** What is on screen as an address of /render: the same window as absolute times, the same lines in the same colours. Pure. */
import type { LineStyle } from '../../chart/style.ts'
import { quoted } from '../../plain/chain.ts'
import { longestPause, statsOf, yRange, type Line } from '../../plain/lines.ts'
import type { Unit } from '../../plain/number.ts'
import type { Window } from '../../plain/span.ts'
import { shiftedTarget } from '../../plain/target.ts'

export const FORMATS = ['png', 'svg', 'csv', 'json'] as const
export type Format = (typeof FORMATS)[number]

export type Screen = {
  targets: string[]
  /** Names of the lines that are shown; empty: all. */
  only: string[]
  /** How far back the overlay looks, and what that is called; null: there is none. */
  back: string | null
  earlier: string
  window: Window
  zone: string
  lines: Line[]
  styles: LineStyle[]
  shown: number[] | null
  look: { unit: Unit; log: boolean; stack: boolean }
  title: string
  width: number
  height: number
  colours: { text: string; surface: string; grid: string; series: string[] }
}

/** Beyond this many lines a legend would push the picture out of itself. */
const MOST_NAMED = 24
const TITLE_LETTERS = 120
/** Proxies and chat programs begin to cut addresses about here. */
export const LONGEST_LINK = 8000

export function exported(screen: Screen, format: Format): URLSearchParams {
  const asked = new URLSearchParams()
  const put = (more: Record<string, string | number>) => Object.entries(more).forEach(([key, value]) => asked.append(key, String(value)))
  for (const target of targetsOf(screen, format)) asked.append('target', target)
  put({ from: Math.floor(screen.window.from), until: Math.ceil(screen.window.to), tz: screen.zone, format })
  if (format === 'png' || format === 'svg') put(picture(screen))
  return asked
}

function targetsOf({ targets, only, back, earlier }: Screen, format: Format): string[] {
  const now = only.length ? targets.map((target) => `grep(${target},${pattern(only)})`) : targets
  if (back === null) return now
  const then = now.map((target) => shiftedTarget(target, back))
  return [...now, ...(format === 'csv' || format === 'json' ? then : then.map((target) => renamed(`dashed(${target},4)`, earlier)))]
}

/** `dashed(timeShift(a, "-7d"), 4)` is called `a, a week earlier` in the legend of a picture, as on screen. */
function renamed(target: string, said: string): string {
  const text = quoted(`\\1, ${said}`)
  return text === null ? target : `aliasSub(${target},'^dashed\\(timeShift\\((.*), .*\\), 4\\)$',${text})`
}

/** These names and no others. A quote cannot stand beside the other kind: any character does in its place. */
function pattern(names: string[]): string {
  const escaped = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  const all = `^(${escaped.join('|')})$`
  return quoted(all) ?? `'${all.replaceAll("'", '.')}'`
}

function picture({ window, look, lines, styles, shown, title, width, height, colours }: Screen): Record<string, string | number> {
  const drawn = (shown ?? lines.map((_, index) => index)).map((index) => ({ line: lines[index], style: styles[index] }))
  const pause = Math.max(1, ...drawn.map(({ line }) => longestPause(line.values)))
  const stats = drawn.map(({ line }) => statsOf(line, window.from, window.to))
  const [least] = yRange(extreme(Math.min, stats.map(({ min }) => min)), extreme(Math.max, stats.map(({ max }) => max)))
  const cut = title.length > TITLE_LETTERS ? `${title.slice(0, TITLE_LETTERS - 1)}…` : title
  return {
    width: Math.round(width),
    height: Math.round(height),
    title: cut,
    bgcolor: hex(colours.surface),
    fgcolor: hex(colours.text),
    majorGridLineColor: hex(colours.grid),
    minorGridLineColor: hex(colours.grid),
    ...(drawn.length ? { colorList: drawn.map(({ style }) => hex(colours.series[style.colour])).join(',') } : {}),
    hideLegend: String(drawn.length > MOST_NAMED),
    yUnitSystem: look.unit === 'B' || look.unit === 'B/s' ? 'binary' : 'si',
    // The lowest value of the axis is that of the screen: zero, unless the lines lie far from it.
    ...(look.log || look.stack ? {} : { yMin: least }),
    ...(look.unit ? { vtitle: look.unit } : {}),
    ...(look.stack ? { areaMode: 'stacked' } : {}),
    ...(look.log ? { logBase: 10 } : {}),
    // A slow rhythm is connected on screen, so it is here.
    ...(pause > 1 ? { lineMode: 'connected' } : {}),
  }
}

function extreme(of: (...values: number[]) => number, values: (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length ? known.reduce((a, b) => of(a, b)) : null
}

/** `rgb(1, 2, 3)` as `010203`, as graphite-web wants it. */
export function hex(colour: string): string {
  const parts = colour.match(/[\d.]+/g)?.slice(0, 3) ?? ['0', '0', '0']
  return parts.map((part) => Math.round(Number(part)).toString(16).padStart(2, '0')).join('')
}

/** A name for the file that says what and when. */
export function fileName({ targets, window }: Screen, format: Format): string {
  const what = (targets[0] ?? 'graph').replace(/[^\w.-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 60) || 'graph'
  const when = new Date(Math.ceil(window.to) * 1000).toISOString().slice(0, 19).replaceAll(':', '')
  return `${what}-${when}Z.${format}`
}
