/** What the list of monitors shows, worked out of one answer. Pure. */
import type { MonitorRow, MonitorsAnswer } from '../../api/types.ts'
import { isNoisy } from '../../plain/noise.ts'
import { badness, isTrouble } from '../../plain/states.ts'

/** What its page is called: hosts stand beside checks of the same name. */
export const itemOf = ({ kind, name }: MonitorRow) => (kind === 'host' ? `host:${name}` : name)

/** Fit to wake somebody: of a service's monitor the owner of the service counts, of a host its contacts. The server says nothing of what is in shadow, which wakes nobody. */
type Fitness = Pick<MonitorRow, 'lacks' | 'shadow' | 'owner' | 'playbook'>
const has = (row: Fitness, what: 'owner' | 'playbook'): boolean => (row.lacks && !row.shadow ? !row.lacks.includes(what) : row[what] !== null)
export const hasOwner = (row: Fitness): boolean => has(row, 'owner')
export const hasPlaybook = (row: Fitness): boolean => has(row, 'playbook')

export const FILTERS = ['trouble', 'unwatched', 'unowned', 'noplaybook', 'noisy', 'silenced', 'neverfired'] as const
export type Filter = (typeof FILTERS)[number]

export const isSilenced = (row: MonitorRow) => row.silenced || row.in_downtime || row.shadow || !row.notifies
/** In trouble, and nobody has said that it is in hand or planned. */
export const isOpen = (row: MonitorRow) => isTrouble(row.state) && row.state_type === 'HARD' && !row.acknowledged && !row.in_downtime && !row.shadow

const HOLDS: Record<Exclude<Filter, 'unwatched'>, (row: MonitorRow) => boolean> = {
  trouble: (row) => isTrouble(row.state),
  unowned: (row) => !hasOwner(row),
  noplaybook: (row) => !hasPlaybook(row),
  noisy: isNoisy,
  silenced: isSilenced,
  neverfired: (row) => row.fired === 0 && row.state !== 'PENDING',
}

export type Counts = Record<Exclude<Filter, 'unwatched'>, number> & { open: number; handled: number; soft: number; ok: number; pending: number }

export function countsOf(rows: MonitorRow[]): Counts {
  const count = (holds: (row: MonitorRow) => boolean) => rows.reduce((sum, row) => sum + (holds(row) ? 1 : 0), 0)
  const troubled = rows.filter((row) => isTrouble(row.state))
  const hard = troubled.filter((row) => row.state_type === 'HARD')
  const open = hard.filter(isOpen).length
  return {
    trouble: troubled.length, unowned: count(HOLDS.unowned), noplaybook: count(HOLDS.noplaybook), noisy: count(HOLDS.noisy), silenced: count(HOLDS.silenced), neverfired: count(HOLDS.neverfired),
    open, handled: hard.length - open, soft: troubled.length - hard.length, ok: count((row) => row.state === 'OK' || row.state === 'UP'), pending: count((row) => row.state === 'PENDING'),
  }
}

/** What nobody has in hand first, then the worst, then what is newest. */
export function worstFirst(rows: MonitorRow[]): MonitorRow[] {
  const rank = (row: MonitorRow) => (!isTrouble(row.state) ? 3 : isOpen(row) ? 0 : row.state_type === 'SOFT' ? 1 : 2)
  return [...rows].sort((a, b) => rank(a) - rank(b) || badness(b.state) - badness(a.state) || (isTrouble(a.state) ? (b.since ?? 0) - (a.since ?? 0) : a.name.localeCompare(b.name)))
}

/** All words must occur in the name, the host, the owner or the last text. */
export function found(rows: MonitorRow[], text: string): MonitorRow[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (wanted.length === 0) return rows
  return rows.filter((row) => {
    const all = `${row.name} ${row.host ?? ''} ${row.service ?? ''} ${row.owner ?? ''} ${row.text}`.toLowerCase()
    return wanted.every((word) => all.includes(word))
  })
}

export type Item = { is: 'row'; row: MonitorRow } | { is: 'fold'; count: number; open: boolean }

/** The rows to show. What is well is one line that unfolds, unless it was asked for. */
export function itemsOf(answer: MonitorsAnswer, filter: Filter | null, text: string, unfolded: boolean): Item[] {
  const holds = filter === null || filter === 'unwatched' ? () => true : HOLDS[filter]
  const rows = worstFirst(found(answer.monitors, text).filter(holds))
  const asItem = (row: MonitorRow): Item => ({ is: 'row', row })
  if (filter !== null || text.trim() !== '') return rows.map(asItem)
  const first = rows.findIndex((row) => !isTrouble(row.state))
  if (first < 0) return rows.map(asItem)
  const calm = rows.slice(first)
  return [...rows.slice(0, first).map(asItem), { is: 'fold', count: calm.length, open: unfolded }, ...(unfolded ? calm.map(asItem) : [])]
}

/** The one to begin with. */
export function worst(rows: MonitorRow[]): MonitorRow | null {
  const first = worstFirst(rows)[0]
  return first && isTrouble(first.state) ? first : null
}
