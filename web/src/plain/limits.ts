/** Limits of series: lines on their graph, and words beside it. Pure. */
import type { Near } from '../api/types.ts'
import type { Level } from './perfdata.ts'

/** What a number must not reach; how near it is changes all the time, and is not drawn. */
export type Limit = Omit<Near, 'share'>

export const limitOf = ({ kind, name, label, of, series, level }: Near): Limit => ({ kind, name, label, of, series, level })

/** Beyond this many lines a graph is no place for limits. */
export const MOST_LIMITED = 20

/** Each line once; what may not be reached at all is as bad as what is critical. */
export function levelsOfLimits(limits: Limit[]): Level[] {
  const levels = new Map<string, Level>()
  for (const { level, of } of limits) {
    const state = of === 'warning' ? ('warning' as const) : ('critical' as const)
    if (Number.isFinite(level)) levels.set(`${level} ${state}`, { at: level, state })
  }
  return [...levels.values()]
}

/** The series whose limits are asked for: none where there are too many to tell whose is whose. */
export function limitedNames(names: string[]): string[] {
  const different = [...new Set(names)].sort()
  return different.length > MOST_LIMITED ? [] : different
}
