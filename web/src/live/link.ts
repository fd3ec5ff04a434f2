/** A page's end of the live stream. Feeds subscribe; the link says what the stream's owner should ask for. */
import { browserWorld, Hub } from './hub.ts'
import { HERE_MS, type FromPage, type LinkEvent, type PointsEvent, type SeriesEvent, type StateEvent, type ToPage } from './protocol.ts'
import { beat } from './ticker.ts'
import { learn, now } from './time.ts'

export type Subscriber = {
  targets: string[]
  series(event: SeriesEvent): void
  /** One row: values from the slot `start` on, of the series with this id. */
  row(id: number, start: number, values: (number | null)[]): void
  /** The stream was lost and is there again: fetch what was missed. */
  back(): void
}

type Wire = (message: FromPage) => void

export class Link {
  #subscribers = new Set<Subscriber>()
  #known = new Map<string, SeriesEvent>()
  #wire: Wire
  #asked = ''
  #scheduled = false
  #heard: number | null = null
  /** Server seconds at which the present loss began. */
  lostAt: number | null = null
  onlink: (link: LinkEvent) => void = () => {}
  onstate: (state: StateEvent) => void = () => {}
  onpoints: (now: number) => void = () => {}
  /** Something that is watched changed its state. */
  onchanges: () => void = () => {}
  /** A group of errors is new, or was seen again. */
  onerrors: (fresh: number) => void = () => {}

  constructor(connect: (hear: (message: ToPage) => void) => Wire) {
    this.#wire = connect((message) => this.#hear(message))
  }

  subscribe(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber)
    for (const target of subscriber.targets) {
      const event = this.#known.get(target)
      if (event) subscriber.series(event)
    }
    this.#schedule()
    return () => {
      this.#subscribers.delete(subscriber)
      this.#schedule()
    }
  }

  retry() {
    this.#wire({ ask: 'retry' })
  }

  /** The whole set is sent once, however many graphs a page opens in one go. */
  #schedule() {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#askFor([...new Set([...this.#subscribers].flatMap((subscriber) => subscriber.targets))])
    })
  }

  #askFor(targets: string[]) {
    const key = targets.join('\n')
    if (key === this.#asked) return
    this.#asked = key
    for (const target of this.#known.keys()) if (!targets.includes(target)) this.#known.delete(target)
    this.#wire({ ask: 'want', targets })
  }

  #hear(message: ToPage) {
    if (message.tell === 'points') this.#points(message.event)
    if (message.tell === 'series') this.#series(message.event)
    if (message.tell === 'state') this.onstate(message.event)
    if (message.tell === 'changes') this.onchanges()
    if (message.tell === 'errors') this.onerrors(message.fresh)
    if (message.tell === 'link') this.#linked(message.link)
  }

  #linked(link: LinkEvent) {
    if (link.state === 'lost' && this.lostAt === null) {
      this.lostAt = Math.min(now(), this.#heard ?? now())
      this.#known.clear()
    }
    const back = link.state === 'live' && this.lostAt !== null
    if (back) this.lostAt = null
    this.onlink(link)
    if (back) for (const subscriber of this.#subscribers) subscriber.back()
  }

  #series(event: SeriesEvent) {
    this.#known.set(event.target, event)
    for (const subscriber of this.#subscribers) if (subscriber.targets.includes(event.target)) subscriber.series(event)
  }

  #points({ now: at, ids, starts, values }: PointsEvent) {
    learn(at)
    this.#heard = at
    for (let row = 0; row < ids.length; row++) {
      for (const subscriber of this.#subscribers) subscriber.row(ids[row], starts[row], values[row])
    }
    this.onpoints(at)
    beat()
  }
}

/** Through the SharedWorker where there is one, else with a hub of our own. */
export function connect(hear: (message: ToPage) => void): Wire {
  return typeof SharedWorker === 'undefined' ? throughOwnHub(hear) : throughWorker(hear)
}

function throughWorker(hear: (message: ToPage) => void): Wire {
  const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'bellwether-live' })
  const wire: Wire = (message) => worker.port.postMessage(message)
  worker.port.onmessage = ({ data }: MessageEvent<ToPage>) => hear(data)
  setInterval(() => wire({ ask: 'here' }), HERE_MS)
  addEventListener('pagehide', (event) => !event.persisted && wire({ ask: 'bye' }))
  return wire
}

function throughOwnHub(hear: (message: ToPage) => void): Wire {
  const hub = new Hub(browserWorld)
  hub.join('page', hear)
  setInterval(() => {
    hub.hear('page', { ask: 'here' })
    hub.tick()
  }, 1000)
  return (message) => hub.hear('page', message)
}
