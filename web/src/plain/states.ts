/** States of what is watched: how bad, and which mark they wear. */
import type { WatchState } from '../api/types.ts'

export type Mark = 'ok' | 'warning' | 'critical' | 'unknown' | 'silent'

const MARKS: Record<WatchState, Mark> = {
  OK: 'ok', UP: 'ok', WARNING: 'warning', CRITICAL: 'critical', DOWN: 'critical', UNREACHABLE: 'unknown', UNKNOWN: 'unknown', PENDING: 'silent',
}
/** As the server orders them: of what is unknown one should know more. */
const BADNESS: Record<WatchState, number> = { OK: 0, UP: 0, PENDING: 0, WARNING: 1, UNKNOWN: 2, UNREACHABLE: 3, CRITICAL: 4, DOWN: 4 }

export const markOf = (state: WatchState | null): Mark => (state === null ? 'silent' : MARKS[state])
export const badness = (state: WatchState | null): number => (state === null ? 0 : BADNESS[state])
export const isTrouble = (state: WatchState | null): boolean => badness(state) > 0
