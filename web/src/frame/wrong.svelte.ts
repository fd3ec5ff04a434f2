/** What is wrong now, for every page: the open incidents, the worst first. */
import { incidents } from '../api/calls.ts'
import { Trouble } from '../api/client.ts'
import type { Incident } from '../api/types.ts'
import { stream } from './stream.svelte.ts'
import { openOnes } from '../plain/incidents.ts'

const EVERY_MS = 5000
/** After a change of a state: an incident is made of it first. */
const SOON_MS = 300
const LIMIT = 50

class Wrong {
  /** Null before the first answer; of very many the worst. */
  open = $state.raw<Incident[] | null>(null)
  /** How many there are. */
  count = $state(0)
  #last = ''

  constructor() {
    const ask = () => document.visibilityState === 'visible' && void this.ask()
    ask()
    setInterval(ask, EVERY_MS)
    document.addEventListener('visibilitychange', ask)
    $effect.root(() => {
      $effect(() => {
        if (stream.changed > 0) setTimeout(ask, SOON_MS)
      })
    })
  }

  async ask() {
    try {
      const answer = await incidents('open', LIMIT)
      const told = openOnes(answer.incidents)
      this.count = answer.open
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
