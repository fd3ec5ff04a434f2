/** What is said to people outside. Pure. */
import type { Phase, Post, Standing, Standings, Update } from '../../api/posts.ts'

export const isOpen = ({ ended }: Post) => ended === null
export const lastOf = ({ updates }: Post): Update | null => updates[updates.length - 1] ?? null

/** Those that are told now, the newest word first; then what is over. */
export function split(posts: Post[]): { open: Post[]; over: Post[] } {
  const newest = (a: Post, b: Post) => (lastOf(b)?.at ?? b.opened) - (lastOf(a)?.at ?? a.opened)
  return { open: posts.filter(isOpen).sort(newest), over: posts.filter((post) => !isOpen(post)).sort(newest) }
}

const MARKS = { operational: 'ok', maintenance: 'planned', degraded: 'warning', partial_outage: 'warning', outage: 'critical' } as const
export const markOf = (standing: Standing) => MARKS[standing]
const BADNESS: Standing[] = ['operational', 'maintenance', 'degraded', 'partial_outage', 'outage']
export const worstOf = (standings: Standings): Standing => Object.values(standings).reduce((a, b) => (BADNESS.indexOf(b) > BADNESS.indexOf(a) ? b : a), 'operational' as Standing)

/** What is over does well again, unless somebody says otherwise. */
export const standingsFor = (phase: Phase, before: Standings): Standings => (phase === 'resolved' ? Object.fromEntries(Object.keys(before).map((name) => [name, 'operational'])) : before)
