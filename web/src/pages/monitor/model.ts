/** What the page of one check, host or monitor says. Pure. */
import type { MonitorDetail, Run, Stretch, WatchState } from '../../api/types.ts'
import type { Subject } from '../../api/calls.ts'
import type { Window } from '../../plain/span.ts'

/** Hosts stand beside checks of the same name. */
const HOST = 'host:'

export function subjectOf(item: string, detail: MonitorDetail | null): Subject {
  if (item.startsWith(HOST)) return { is: 'host', name: item.slice(HOST.length) }
  return { is: detail?.kind === 'metric' || detail?.kind === 'heartbeat' || detail?.kind === 'errors' ? 'monitor' : 'check', name: item }
}

export const isHost = (item: string) => item.startsWith(HOST)
export const hostItem = (name: string) => HOST + name

export type Piece = { left: number; width: number; state: WatchState | null; soft: boolean; from: number; until: number }

/** A ribbon over a window, in per cent of it; where nothing is known, nothing is claimed. */
export function pieces(ribbon: Stretch[], { from, to }: Window): Piece[] {
  const length = to - from
  const piece = (start: number, end: number, state: WatchState | null, soft: boolean): Piece => ({ left: ((start - from) / length) * 100, width: ((end - start) / length) * 100, state, soft, from: start, until: end })
  const all: Piece[] = []
  let through = from
  for (const stretch of ribbon) {
    const [start, end] = [Math.max(from, stretch.from), Math.min(to, stretch.until)]
    if (end <= start) continue
    if (start > through) all.push(piece(through, start, null, false))
    all.push(piece(start, end, stretch.state, stretch.state_type === 'SOFT'))
    through = end
  }
  if (through < to) all.push(piece(through, to, null, false))
  return all
}

/** Share of the known time in which it was well; null: nothing is known. */
export function wellShare(ribbon: Stretch[], { from, to }: Window): number | null {
  let [well, known] = [0, 0]
  for (const { from: start, until, state, state_type } of ribbon) {
    const length = Math.min(to, until) - Math.max(from, start)
    if (length <= 0) continue
    known += length
    if (state === 'OK' || state === 'UP' || state_type === 'SOFT') well += length
  }
  return known > 0 ? well / known : null
}

/** Newest first. */
export const newestFirst = (runs: Run[]) => [...runs].sort((a, b) => b.from - a.from)

/** `2h`, `30min`, `1d 12h` from now on; null if it is not such a length. */
export { offsetSeconds as lengthOf } from '../../plain/span.ts'
