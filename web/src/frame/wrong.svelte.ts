/** What is wrong now, for every page: the open incidents, the worst first. */
import { incidents } from '../api/calls.ts'
import { Trouble } from '../api/client.ts'
import type { Incident } from '../api/types.ts'
import { openOnes } from '../plain/incidents.ts'

const EVERY_MS = 2000
const LIMIT = 50

class Wrong {
  /** Null before the first answer. */
  open = $state.raw<Incident[] | null>(null)
  #last = ''

  constructor() {
    const ask = () => document.visibilityState === 'visible' && void this.ask()
    ask()
    setInterval(ask, EVERY_MS)
    document.addEventListener('visibilitychange', ask)
  }

  async ask() {
    try {
      const told = openOnes((await incidents('open', LIMIT)).incidents)
      // The same list stays the same: nothing is drawn anew.
      const text = JSON.stringify(told)
      if (text !== this.#last) [this.open, this.#last] = [told, text]
    } catch (error) {
      // What was known stays; that the server is away is said by the stream.
      if (!(error instanceof Trouble)) throw error
    }
  }
}

export const wrong = new Wrong()
