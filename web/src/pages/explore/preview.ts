/** What a target would look like: asked after a pause, one at a time, the last ones remembered for a moment. */
import { apiTime, graph } from '../../api/calls.ts'
import { Trouble } from '../../api/client.ts'
import { lineOf } from '../../live/tail.ts'
import type { Line } from '../../plain/lines.ts'
import { formatted } from '../../plain/number.ts'
import type { Span, Window } from '../../plain/span.ts'
import { words } from '../../words.ts'

export type Previewed = { lines: Line[]; all: number; window: Window; error: string | null }

const PAUSE_MS = 180
const PATIENCE_MS = 6000
const COLUMNS = 240
/** More lines than the first are not drawn, more than the second not even asked for. */
const MOST_LINES = 12
const MOST_ASKED = 50
const MOST_KEPT = 40
const FRESH_MS = 10_000

export class Previews {
  #abort = new AbortController()
  #kept = new Map<string, { at: number; answer: Previewed }>()

  /** Null when a later question came first. */
  async of(target: string, span: Span): Promise<Previewed | null> {
    this.stop()
    const { signal } = this.#abort
    const key = `${span.from} ${span.to} ${target}`
    const kept = this.#kept.get(key)
    if (kept && Date.now() - kept.at < FRESH_MS) return kept.answer
    await new Promise((done) => setTimeout(done, PAUSE_MS))
    if (signal.aborted) return null
    const answer = await ask(target, span, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]))
    if (signal.aborted) return null
    this.#kept.set(key, { at: Date.now(), answer })
    if (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value!)
    return answer
  }

  stop() {
    this.#abort.abort()
    this.#abort = new AbortController()
  }
}

async function ask(target: string, span: Span, signal: AbortSignal): Promise<Previewed> {
  const none = { lines: [], all: 0, window: { from: 0, to: 1 } }
  try {
    const answer = await graph({ targets: [`limit(${target},${MOST_ASKED})`], from: apiTime(span.from), until: apiTime(span.to), width: COLUMNS }, signal)
    const { series, error } = answer.results[0]
    const window = { from: answer.from, to: answer.until }
    return { lines: series.slice(0, MOST_LINES).map((one) => lineOf(one, 0)), all: series.length, window, error: error ? [error.message, error.hint].filter(Boolean).join('; ') : null }
  } catch (error) {
    // A preview that was given up for another is nobody's trouble; one that takes too long says so.
    return { ...none, error: error instanceof Trouble ? (error.away ? words.trouble.unreachable : error.message) : words.explore.preview.late }
  }
}

/** In words, for everybody: how many lines, and where they stand. */
export function said({ all, lines, error }: Previewed): string {
  const { preview } = words.explore
  if (error) return error
  if (all === 0) return preview.none
  const lasts = lines.flatMap(({ values }) => values.findLast((value) => value !== null) ?? [])
  if (all === 1) return preview.one(formatted(lasts[0]))
  const count = all < MOST_ASKED ? String(all) : preview.most(MOST_ASKED)
  return lasts.length ? preview.many(count, formatted(Math.min(...lasts)), formatted(Math.max(...lasts))) : preview.silent(count)
}
