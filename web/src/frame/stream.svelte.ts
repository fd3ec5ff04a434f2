/** The live stream's state as the frame shows it. */
import type { Health } from '../api/types.ts'
import { connect, Link } from '../live/link.ts'
import type { LinkState } from '../live/protocol.ts'
import { keepBeating } from '../live/ticker.ts'

class Stream {
  state = $state<LinkState>('connecting')
  /** Server seconds of the newest message. */
  heard = $state<number | null>(null)
  /** Server seconds at which the present loss began. */
  lostAt = $state<number | null>(null)
  health = $state<Health | null>(null)
  readOnly = $state<string | null>(null)
  /** The server was replaced by another build while we looked. */
  newBuild = $state(false)
  /** How often something that is watched changed its state: whoever shows states asks again. */
  changed = $state(0)
  /** The same of errors. */
  errors = $state(0)
  /** How many groups of errors were new, since the page was opened. */
  freshErrors = $state(0)
  readonly link: Link
  #build: string | null = null

  constructor() {
    this.link = new Link(connect)
    this.link.onlink = ({ state, build }) => {
      this.state = state
      this.lostAt = this.link.lostAt
      if (build && this.#build && build !== this.#build) this.newBuild = true
      this.#build = build ?? this.#build
      // What changed while nobody told us is asked for.
      if (state === 'live') [this.changed, this.errors] = [this.changed + 1, this.errors + 1]
    }
    this.link.onstate = ({ health, read_only }) => {
      this.health = health
      this.readOnly = read_only
    }
    this.link.onpoints = (at) => (this.heard = at)
    this.link.onchanges = () => this.changed++
    this.link.onerrors = (fresh) => ([this.errors, this.freshErrors] = [this.errors + 1, this.freshErrors + fresh])
    keepBeating()
  }
}

export const stream = new Stream()
