/**
 * What one graph shows: targets over a window, from history and then live. In: an answer of `/api/v1/graph` and rows of
 * the stream. Out: lines that a chart reads in place. Points never become objects, nor framework state.
 */
import { apiTime, graph } from '../api/calls.ts'
import { Trouble } from '../api/client.ts'
import type { Annotation, GraphAnswer, TargetError } from '../api/types.ts'
import { isLive, windowOf, type Span, type Window } from '../plain/span.ts'
import type { Link } from './link.ts'
import type { SeriesEvent } from './protocol.ts'
import { Grid, lineOf, put, type Growing } from './tail.ts'
import { beat } from './ticker.ts'
import { now } from './time.ts'

export type Question = { targets: string[]; span: Span; width: number }
export type FeedState = 'loading' | 'ready' | 'failed'

/** Wide live columns are approximations at their newest end; a whole answer replaces them this often. */
const REFRESH_S = 300
/** A window that a coarser archive serves is asked anew as its columns fill: how the stream's finer slots make one is the store's to say. */
const COARSE_S = [10, 60] as const
/** A hole between history and the first rows means that the stream began a moment too late: history is asked again, once. */
const SEAM_S = 10
/** Messages that arrive while history is on its way are kept, this many rows at most. */
const EARLY_ROWS = 20_000

type Row = [id: number, start: number, values: (number | null)[]]

export class Feed {
  readonly question: Question
  state: FeedState = 'loading'
  trouble: Trouble | null = null
  errors: (TargetError | null)[] = []
  annotations: Annotation[] = []
  grids: Grid[] = []
  lines: Growing[] = []
  /** When the newest row came in, in server seconds; null before the first. */
  heard: number | null = null
  /** Called when lines came or went, or the state changed; not for points. */
  onchange: () => void = () => {}

  #link: Link
  #unsubscribe = () => {}
  #abort = new AbortController()
  #refresh: ReturnType<typeof setTimeout> | undefined
  #early: Row[] = []
  #ids = new Map<number, Growing[]>()
  #events = new Map<string, SeriesEvent>()
  #loadedAt = 0
  #mended = false
  #every = REFRESH_S

  constructor(link: Link, question: Question) {
    this.#link = link
    this.question = question
    if (this.live) this.#subscribe()
    void this.load()
  }

  get live(): boolean {
    return isLive(this.question.span)
  }

  get window(): Window {
    return windowOf(this.question.span, now())
  }

  /** Since when a live feed hears nothing, in server seconds. */
  get lostAt(): number | null {
    return this.live ? this.#link.lostAt : null
  }

  /** Ask for the whole window: at first, after a break, and from time to time. */
  async load() {
    clearTimeout(this.#refresh)
    const { targets, span, width } = this.question
    try {
      this.#take(await graph({ targets, from: apiTime(span.from), until: apiTime(span.to), width }, this.#abort.signal))
    } catch (error) {
      if (!(error instanceof Trouble)) return
      this.trouble = error
      if (this.state === 'loading') this.state = 'failed'
      this.onchange()
    }
    if (this.live && !this.#abort.signal.aborted) this.#plan()
  }

  #plan() {
    clearTimeout(this.#refresh)
    this.#refresh = setTimeout(() => this.load(), this.#every * 1000)
  }

  stop() {
    this.#abort.abort()
    clearTimeout(this.#refresh)
    this.#unsubscribe()
  }

  #subscribe() {
    this.#unsubscribe = this.#link.subscribe({
      targets: this.question.targets,
      series: (event) => this.#series(event),
      row: (id, start, values) => this.#row([id, start, values]),
      back: () => void this.load(),
    })
  }

  #take(answer: GraphAnswer) {
    this.state = 'ready'
    this.#loadedAt = now()
    this.trouble = null
    this.annotations = answer.annotations
    this.errors = answer.results.map((result) => result.error)
    this.lines = []
    this.grids = []
    answer.results.forEach((result, target) => {
      for (const series of result.series) this.#add(lineOf(series, target))
    })
    this.#ids.clear()
    for (const event of this.#events.values()) this.#bind(event)
    const early = this.#early
    this.#early = []
    for (const row of early) this.#row(row)
    this.onchange()
    beat()
  }

  #add(line: Growing) {
    let grid = this.grids.find((one) => one.width === line.width)
    if (!grid) this.grids.push((grid = new Grid(line.width)))
    grid.add(line)
    this.lines.push(line)
  }

  #series(event: SeriesEvent) {
    this.#events.set(event.target, event)
    if (this.state !== 'ready') return
    const before = this.lines.length
    this.#bind(event)
    this.question.targets.forEach((target, index) => {
      if (target === event.target) this.errors[index] = event.error
    })
    if (this.lines.length !== before) this.onchange()
  }

  /** Stream ids to lines. A series that history does not know starts here. */
  #bind(event: SeriesEvent) {
    this.question.targets.forEach((target, index) => {
      if (target !== event.target) return
      for (const { id, name, tags, step } of event.series) {
        const line = this.lines.find((one) => one.target === index && one.name === name) ?? this.#begin(index, name, tags, step)
        if (line.step !== step) {
          this.#askOften(line)
          continue
        }
        const bound = this.#ids.get(id)
        if (!bound) this.#ids.set(id, [line])
        else if (!bound.includes(line)) bound.push(line)
      }
    })
  }

  #askOften({ width }: Growing) {
    const every = Math.min(this.#every, Math.max(COARSE_S[0], Math.min(COARSE_S[1], width)))
    if (every === this.#every) return
    this.#every = every
    this.#plan()
  }

  #begin(target: number, name: string, tags: Record<string, string>, step: number): Growing {
    const start = Math.floor(now() / step) * step
    const line = lineOf({ name, tags, step, start, every: 1, values: [null] }, target)
    this.#add(line)
    return line
  }

  #row(row: Row) {
    if (this.state !== 'ready') {
      if (this.#early.length < EARLY_ROWS) this.#early.push(row)
      return
    }
    const [id, start, values] = row
    const lines = this.#ids.get(id)
    if (!lines) return
    this.heard = now()
    for (const line of lines) this.#put(line, start, values)
  }

  #put(line: Growing, start: number, values: (number | null)[]) {
    const grid = this.grids.find((one) => one.width === line.width)
    if (!grid) return
    if (!this.#mended && start > line.through + 1.5 * line.step) this.#mend(line)
    for (let i = 0; i < values.length; i++) put(grid, line, start + i * line.step, values[i])
  }

  #mend(line: Growing) {
    const seam = now() - this.#loadedAt < SEAM_S && this.#loadedAt - line.through < SEAM_S
    if (!seam) return
    this.#mended = true
    setTimeout(() => this.load(), 100)
  }

  /** Forget what has left the window; a column more than it shows stays, so that the line reaches the edge. */
  trim() {
    const { from } = this.window
    for (const grid of this.grids) grid.trim(from - 2 * grid.width)
  }
}
