/** The events of one error, the newest first, fetched as one steps through them. */
import { Trouble } from '../../api/client.ts'
import { events, type ErrorEvent } from '../../api/errors.ts'
import { idOf } from './event.ts'

const PAGE = 5
/** How many pages are looked through for an event that a link names. */
const MOST_PAGES = 20

export class Events {
  loaded = $state.raw<ErrorEvent[]>([])
  index = $state(0)
  /** The oldest that is kept is among them. */
  whole = $state(false)
  asked = $state(false)
  busy = $state(false)
  trouble = $state.raw<Trouble | null>(null)
  #group: string

  constructor(group: string, wanted: string | null) {
    this.#group = group
    void this.#attempt(() => this.#begin(wanted))
  }

  get shown(): ErrorEvent | null {
    return this.loaded[this.index] ?? null
  }

  /** What a link names that is kept no more is not shown in the disguise of the newest: the page says which one it shows. */
  async #begin(wanted: string | null) {
    await this.#more()
    if (wanted === null) this.index = 0
    else await this.#seek(wanted)
  }

  async #seek(id: string) {
    for (let page = 1; page < MOST_PAGES && !this.whole && this.#find(id) < 0; page++) await this.#more()
    this.index = Math.max(0, this.#find(id))
  }

  /** The one that a link on the page itself names. */
  show = (id: string) => this.#attempt(() => this.#seek(id))

  older = () =>
    this.#attempt(async () => {
      if (this.index + 1 >= this.loaded.length && !this.whole) await this.#more()
      this.index = Math.min(this.index + 1, this.loaded.length - 1)
    })

  /** Beyond the newest that is known: whatever has come since. */
  newer = () =>
    this.#attempt(async () => {
      if (this.index > 0) return void this.index--
      const was = this.shown ? idOf(this.shown) : null
      const page = await events(this.#group, PAGE, null)
      const at = page.findIndex((event) => idOf(event) === was)
      // Where more came than a page holds, the list begins anew.
      this.loaded = at < 0 ? page : [...page.slice(0, at), ...this.loaded]
      if (at < 0) this.whole = page.length < PAGE
      this.index = Math.max(0, (at < 0 ? page.length : at) - 1)
    })

  again = () => this.#attempt(() => this.#begin(null))

  async #more() {
    const last = this.loaded.at(-1)
    const page = await events(this.#group, PAGE, last ? idOf(last) : null)
    const known = new Set(this.loaded.map(idOf))
    const fresh = page.filter((event) => !known.has(idOf(event)))
    this.loaded = [...this.loaded, ...fresh]
    this.whole = page.length < PAGE || fresh.length === 0
  }

  #find(id: string): number {
    return this.loaded.findIndex((event) => idOf(event) === id)
  }

  async #attempt(what: () => Promise<void>) {
    if (this.busy) return
    this.busy = true
    try {
      await what()
      this.trouble = null
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      this.trouble = error
    }
    this.busy = false
    this.asked = true
  }
}
