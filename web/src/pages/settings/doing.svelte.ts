/** One thing at a time, with what came of it. */
import { Trouble } from '../../api/client.ts'
import { opened } from '../../frame/opened.svelte.ts'

export class Doing {
  busy = $state(false)
  trouble = $state.raw<Trouble | null>(null)

  async do<T>(what: () => Promise<T>, said: string | null, then: () => unknown): Promise<T | null> {
    this.busy = true
    let made: T | null = null
    try {
      made = await what()
      this.trouble = null
      if (said) opened.say(said)
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      this.trouble = error
    }
    this.busy = false
    void then()
    return made
  }
}
