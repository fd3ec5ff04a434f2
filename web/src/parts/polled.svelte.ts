/** An answer that is asked for again and again while somebody looks, and that outlives a failure or a reload, with its age. */
import { Trouble } from '../api/client.ts'
import { now } from '../live/time.ts'

export class Polled<T> {
  answer = $state.raw<T | null>(null)
  /** Server seconds of the answer that is shown. */
  at = $state<number | null>(null)
  trouble = $state.raw<Trouble | null>(null)
  #key: string
  #ask: (signal: AbortSignal) => Promise<T>
  #abort = new AbortController()

  constructor(key: string, everyMs: number, ask: (signal: AbortSignal) => Promise<T>) {
    this.#key = `last ${key}`
    this.#ask = ask
    this.#recall()
    $effect(() => {
      this.#abort = new AbortController()
      void this.again()
      const timer = setInterval(() => document.visibilityState === 'visible' && void this.again(), everyMs)
      return () => {
        clearInterval(timer)
        this.#abort.abort()
      }
    })
  }

  again = async () => {
    try {
      this.answer = await this.#ask(this.#abort.signal)
      this.at = now()
      this.trouble = null
      this.#keep()
    } catch (error) {
      if (error instanceof Trouble) this.trouble = error
      else if ((error as Error).name !== 'AbortError') throw error
    }
  }

  #recall() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#key) ?? 'null') as { at: number; answer: T } | null
      if (kept) [this.answer, this.at] = [kept.answer, kept.at]
    } catch {
      // Nothing was kept, or storage is forbidden: the first answer fills the page.
    }
  }

  #keep() {
    try {
      sessionStorage.setItem(this.#key, JSON.stringify({ at: this.at, answer: this.answer }))
    } catch {
      // Full or forbidden: a reload then starts empty.
    }
  }
}
