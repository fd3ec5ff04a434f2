/** The numbers of a check: which series they are kept as, and which levels their thresholds draw. */
import type { PerfdataItem } from '../api/types.ts'
import { asTarget } from './names.ts'
import type { Unit } from './number.ts'

/** A line across a graph: beyond it, it is bad. */
export type Level = { at: number; state: 'warning' | 'critical' }

const BYTES: Record<string, number> = { B: 1, KB: 1024, kB: 1024, KiB: 1024, MB: 1024 ** 2, MiB: 1024 ** 2, GB: 1024 ** 3, GiB: 1024 ** 3, TB: 1024 ** 4, TiB: 1024 ** 4, PB: 1024 ** 5, PiB: 1024 ** 5 }
const SECONDS: Record<string, number> = { s: 1, ms: 1e-3, us: 1e-6, 'µs': 1e-6, ns: 1e-9 }

/** The unit that a number is kept in, the factor to it, and what its series ends with. */
export function baseUnit(uom: string): { unit: Unit; factor: number; end: string } {
  if (uom in SECONDS) return { unit: 's', factor: SECONDS[uom], end: '_seconds' }
  if (uom in BYTES) return { unit: 'B', factor: BYTES[uom], end: '_bytes' }
  if (uom === '%') return { unit: '%', factor: 1, end: '_percent' }
  return { unit: null, factor: 1, end: '' }
}

const node = (text: string) => text.replace(/[^\p{L}\p{N}_-]/gu, '_')

export type Numbered = { item: PerfdataItem; target: string; unit: Unit; levels: Level[] }

/** As the server names them: `checks.HOST.SERVICE.LABEL`; of labels that look alike the second is told apart by its number. */
export function numbered(items: PerfdataItem[], host: string | null, service: string | null): Numbered[] {
  const place = `checks.${host ? node(host) : 'no-host'}.${service ? node(service) : 'host-check'}`
  const seen = new Map<string, number>()
  return items.map((item) => {
    const { unit, factor, end } = baseUnit(item.uom)
    const plain = node(item.label)
    const label = plain.endsWith(end) ? plain : plain + end
    const count = (seen.get(label) ?? 0) + 1
    seen.set(label, count)
    const levels = [...levelsOf(item.warn, 'warning'), ...levelsOf(item.crit, 'critical')].map((level) => ({ ...level, at: level.at * factor }))
    return { item, target: asTarget(`${place}.${label}${count > 1 ? `_${count}` : ''}`), unit, levels }
  })
}

/** The bounds of a plugin's range: `10`, `10:`, `~:10`, `10:20`, `@10:20`. A lower bound of 0 that nobody wrote is none. */
export function levelsOf(range: string | null, state: Level['state']): Level[] {
  const text = (range ?? '').trim().replace(/^@/, '')
  const parts = text.includes(':') ? text.split(':') : ['', text]
  const numbers = parts.filter((part) => part !== '' && part !== '~').map(Number)
  return numbers.filter(Number.isFinite).map((at) => ({ at, state }))
}
