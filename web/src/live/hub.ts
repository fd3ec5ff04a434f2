/**
 * Owns the one stream of a browser. In: what each page wants. Out: to each page its series and points, and the state of
 * the link. Never here: DOM, framework, drawing. Runs in a SharedWorker, or in the page where there is none.
 */
import {
  GONE_MS, MOST_TARGETS, RETRY_MS, SILENCE_MS, type FromPage, type ChangesEvent, type LinkEvent, type PointsEvent, type SeriesEvent, type StateEvent, type StreamSeries, type ToPage,
} from './protocol.ts'

export type Send = (message: ToPage) => void

/** What the hub needs of the world; tests give their own. */
export type World = {
  open(url: string): EventSource
  put(url: string, body: unknown): Promise<number>
  now(): number
  later(run: () => void, ms: number): unknown
}

type Page = { send: Send; targets: Set<string>; heard: number; ids: Set<number> }
type SeriesMessage = { target: number; text?: string; series: StreamSeries[]; error: SeriesEvent['error'] }

export class Hub {
  #world: World
  #pages = new Map<unknown, Page>()
  #source: EventSource | null = null
  #stream: string | null = null
  #sent: string[] = []
  #series = new Map<string, SeriesEvent>()
  #state: StateEvent | null = null
  #heard = 0
  #link: LinkEvent
  #sending = false

  constructor(world: World) {
    this.#world = world
    this.#link = { state: 'connecting', since: world.now(), build: null }
  }

  join(key: unknown, send: Send) {
    this.#pages.set(key, { send, targets: new Set(), heard: this.#world.now(), ids: new Set() })
    send({ tell: 'link', link: this.#link })
    if (this.#state) send({ tell: 'state', event: this.#state })
    if (!this.#source) this.#connect()
  }

  hear(key: unknown, message: FromPage) {
    const page = this.#pages.get(key)
    if (!page) return
    page.heard = this.#world.now()
    if (message.ask === 'want') this.#want(page, message.targets)
    if (message.ask === 'bye') this.leave(key)
    if (message.ask === 'retry' && this.#link.state !== 'live') this.#connect()
  }

  leave(key: unknown) {
    this.#pages.delete(key)
    if (this.#pages.size === 0) this.#close()
    else this.#sendTargets()
  }

  /** Once a second from whoever runs the hub. */
  tick() {
    const now = this.#world.now()
    for (const [key, page] of this.#pages) if (now - page.heard > GONE_MS) this.leave(key)
    if (this.#source && this.#link.state !== 'lost' && now - this.#heard > SILENCE_MS) this.#lose()
  }

  #want(page: Page, targets: string[]) {
    page.targets = new Set(targets)
    page.ids.clear()
    for (const target of page.targets) {
      const event = this.#series.get(target)
      if (event) this.#tellSeries(page, event)
    }
    this.#sendTargets()
  }

  #union(): string[] {
    const all = new Set<string>()
    for (const page of this.#pages.values()) for (const target of page.targets) all.add(target)
    return [...all].slice(0, MOST_TARGETS)
  }

  /** The server learns the union; calls that come while one is under way are folded into the next. */
  async #sendTargets() {
    if (!this.#stream || this.#sending) return
    const targets = this.#union()
    if (targets.join('\n') === this.#sent.join('\n')) return
    this.#sending = true
    this.#sent = targets
    for (const target of this.#series.keys()) if (!targets.includes(target)) this.#series.delete(target)
    const status = await this.#world.put(`/api/v1/streams/${this.#stream}`, { targets })
    this.#sending = false
    if (status === 404) this.#connect()
    else if (status >= 200 && status < 300) await this.#sendTargets()
    else this.#world.later(() => this.#resend(), RETRY_MS)
  }

  #resend() {
    this.#sent = []
    void this.#sendTargets()
  }

  #connect() {
    this.#source?.close()
    this.#stream = null
    this.#heard = this.#world.now()
    const source = this.#world.open('/api/v1/stream')
    this.#source = source
    const on = <T>(kind: string, take: (data: T) => void) =>
      source.addEventListener(kind, (message) => {
        if (source !== this.#source) return
        this.#heard = this.#world.now()
        take(JSON.parse((message as MessageEvent<string>).data) as T)
      })
    on<{ stream: string; build: string }>('hello', (hello) => this.#hello(hello.stream, hello.build))
    on<SeriesMessage>('series', (message) => this.#takeSeries(message))
    on<PointsEvent>('points', (event) => this.#takePoints(event))
    on<StateEvent>('state', (event) => this.#takeState(event))
    on<ChangesEvent>('changes', (event) => this.#tell({ tell: 'changes', event }))
    // Somebody has it, or it is over: whoever shows incidents asks again.
    on<unknown>('incidents', () => this.#tell({ tell: 'changes', event: { changes: [] } }))
    // Apart from the others: errors come in crowds, and few pages show them.
    on<{ new: unknown[] }>('errors', (event) => this.#tell({ tell: 'errors', fresh: event.new.length }))
    source.addEventListener('error', () => source === this.#source && this.#lose())
  }

  #hello(stream: string, build: string) {
    this.#stream = stream
    this.#sent = []
    this.#sending = false
    this.#series.clear()
    this.#setLink({ state: 'live', since: this.#world.now(), build })
    void this.#sendTargets()
  }

  #takeSeries(message: SeriesMessage) {
    const target = message.text ?? this.#sent[message.target]
    if (target === undefined) return
    const event = { target, series: message.series, error: message.error }
    this.#series.set(target, event)
    for (const page of this.#pages.values()) if (page.targets.has(target)) this.#tellSeries(page, event)
  }

  #tellSeries(page: Page, event: SeriesEvent) {
    for (const series of event.series) page.ids.add(series.id)
    page.send({ tell: 'series', event })
  }

  #takePoints(event: PointsEvent) {
    if (this.#link.state !== 'live') this.#setLink({ ...this.#link, state: 'live', since: this.#world.now() })
    for (const page of this.#pages.values()) page.send({ tell: 'points', event: this.#share(event, page) })
  }

  /** Only the rows that a page asked for cross the wall to it. */
  #share(event: PointsEvent, page: Page): PointsEvent {
    if (this.#pages.size === 1) return event
    const rows = event.ids.map((_, row) => row).filter((row) => page.ids.has(event.ids[row]))
    if (rows.length === event.ids.length) return event
    return { now: event.now, ids: rows.map((row) => event.ids[row]), starts: rows.map((row) => event.starts[row]), values: rows.map((row) => event.values[row]) }
  }

  #takeState(event: StateEvent) {
    this.#state = event
    this.#tell({ tell: 'state', event })
  }

  #tell(message: ToPage) {
    for (const page of this.#pages.values()) page.send(message)
  }

  #lose() {
    this.#close()
    // Lost since the last thing heard, not since we noticed: that is where graphs begin to hatch.
    if (this.#link.state !== 'lost') this.#setLink({ state: 'lost', since: this.#heard, build: this.#link.build })
    this.#world.later(() => this.#pages.size > 0 && !this.#source && this.#connect(), RETRY_MS)
  }

  #close() {
    this.#source?.close()
    this.#source = null
    this.#stream = null
  }

  #setLink(link: LinkEvent) {
    this.#link = link
    this.#tell({ tell: 'link', link })
  }
}

export const browserWorld: World = {
  open: (url) => new EventSource(url),
  put: (url, body) =>
    fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal: AbortSignal.timeout(10_000) }).then(
      (answer) => answer.status,
      () => 0,
    ),
  now: () => Date.now(),
  later: (run, ms) => setTimeout(run, ms),
}
