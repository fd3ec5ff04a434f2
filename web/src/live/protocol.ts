/** What pages and the stream's owner say to each other: through a SharedWorker's port, or by plain calls. */
import type { Health, TargetError, WatchState } from '../api/types.ts'

export type StreamSeries = { id: number; name: string; tags: Record<string, string>; step: number }
export type SeriesEvent = { target: string; series: StreamSeries[]; error: TargetError | null }
/** One row for each series that changed: values from the slot `starts[i]` on. */
export type PointsEvent = { now: number; ids: number[]; starts: number[]; values: (number | null)[][] }
/** What is watched and is in another state than before. */
export type ChangesEvent = { changes: { monitor: string | null; host: string | null; instance: string | null; at: number; state: WatchState }[] }
export type StateEvent = { health: Health; read_only: string | null }

/** `connecting` until the first hello; `lost` from the moment the stream broke or fell silent. */
export type LinkState = 'connecting' | 'live' | 'lost'
export type LinkEvent = { state: LinkState; since: number; build: string | null }

export type FromPage = { ask: 'want'; targets: string[] } | { ask: 'here' } | { ask: 'bye' } | { ask: 'retry' }
export type ToPage =
  | { tell: 'link'; link: LinkEvent }
  | { tell: 'series'; event: SeriesEvent }
  | { tell: 'points'; event: PointsEvent }
  | { tell: 'state'; event: StateEvent }
  | { tell: 'changes'; event: ChangesEvent }
  | { tell: 'errors'; /** Groups that are new. */ fresh: number }

/** A stream that says nothing for this long is lost, also when the socket seems open (a frozen server, a dead NAT). */
export const SILENCE_MS = 2600
/** The server carries so many targets in one stream; a browser that wants more sees the first of them live. */
export const MOST_TARGETS = 500
/** Between tries to open the stream again. */
export const RETRY_MS = 1000
/** How often a page says that it is still there; browsers slow timers of hidden pages to one a minute. */
export const HERE_MS = 20_000
/** A page that was not heard for this long is gone. */
export const GONE_MS = 200_000
