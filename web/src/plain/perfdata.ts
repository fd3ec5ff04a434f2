/** The numbers of a check: which series they are kept as, and which levels their thresholds draw. */
import type { NumberSeries, PerfdataItem } from '../api/types.ts'
import { asTarget } from './names.ts'
import type { Unit } from './number.ts'

/** A line across a graph: beyond it, it is bad. */
export type Level = { at: number; state: 'warning' | 'critical' }

const UNITS: [string, Unit][] = [['_seconds', 's'], ['_bytes', 'B'], ['_percent', '%']]

export type Numbered = { item: PerfdataItem; target: string; unit: Unit; levels: Level[] }

/** The server says which series each number is kept as, and by how much it is multiplied; what the series ends with is its unit. */
export function numbered(items: PerfdataItem[], kept: NumberSeries[] = []): Numbered[] {
  return items.slice(0, kept.length).map((item, index) => {
    const { series, scale } = kept[index]
    const levels = [...levelsOf(item.warn, 'warning'), ...levelsOf(item.crit, 'critical')].map((level) => ({ ...level, at: level.at * scale }))
    return { item, target: asTarget(series), unit: UNITS.find(([end]) => series.endsWith(end))?.[1] ?? null, levels }
  })
}

/** The bounds of a plugin's range: `10`, `10:`, `~:10`, `10:20`, `@10:20`. A lower bound of 0 that nobody wrote is none. */
export function levelsOf(range: string | null, state: Level['state']): Level[] {
  const text = (range ?? '').trim().replace(/^@/, '')
  const parts = text.includes(':') ? text.split(':') : ['', text]
  const numbers = parts.filter((part) => part !== '' && part !== '~').map(Number)
  return numbers.filter(Number.isFinite).map((at) => ({ at, state }))
}
