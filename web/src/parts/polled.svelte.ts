/** An answer that is asked for again and again while somebody looks, and that outlives a failure or a reload, with its age. */
import { untrack } from 'svelte'
import { Trouble } from '../api/client.ts'
import { stream } from '../frame/stream.svelte.ts'
import { now } from '../live/time.ts'

/** After a change of a state, so that what changes together is asked for once. */
const SOON_MS = 100
/** Between two questions that changes cause; where answers are long, as many times as long as they take. */
const LEAST_MS = 800
const PATIENCE = 4
/** Longer answers begin anew after a reload. */
const MOST_KEPT = 400_000

export class Polled<T> {
  answer = $state.raw<T | null>(null)
  /** Server seconds of the answer that is shown. */
  at = $state<number | null>(null)
  trouble = $state.raw<Trouble | null>(null)
  #key: string
  #ask: (signal: AbortSignal) => Promise<T>
  #abort = new AbortController()
  #asked = 0
  #took = 0
  #soon: ReturnType<typeof setTimeout> | undefined

  /** `live`: also as soon as something that is watched changes its state; `errors`: as errors come. */
  constructor(key: string | (() => string), everyMs: number, ask: (signal: AbortSignal) => Promise<T>, live: boolean | 'errors' = false) {
    const name = () => `last ${typeof key === 'string' ? key : key()}`
    this.#key = untrack(name)
    this.#ask = ask
    this.#recall()
    // Another question is asked at once; the answer to the one before stays until then.
    $effect(() => {
      this.#key = name()
      this.#abort = new AbortController()
      void untrack(this.again)
      const ask = () => document.visibilityState === 'visible' && void this.again()
      const timer = setInterval(ask, everyMs)
      // Whoever comes back to the page looks at what is, not at what was.
      document.addEventListener('visibilitychange', ask)
      return () => {
        clearInterval(timer)
        document.removeEventListener('visibilitychange', ask)
        clearTimeout(this.#soon)
        this.#abort.abort()
      }
    })
    if (live) {
      $effect(() => {
        if ((live === 'errors' ? stream.errors : stream.changed) > 0) untrack(() => this.#askSoon())
      })
    }
  }

  again = async () => {
    clearTimeout(this.#soon)
    this.#soon = undefined
    this.#asked = performance.now()
    const signal = this.#abort.signal
    try {
      const answer = await this.#ask(signal)
      if (signal.aborted) return
      this.answer = answer
      this.at = now()
      this.trouble = null
      this.#took = performance.now() - this.#asked
      this.#keep()
    } catch (error) {
      if (error instanceof Trouble) this.trouble = error
      else if ((error as Error).name !== 'AbortError') throw error
    }
  }

  #askSoon() {
    if (this.#soon !== undefined || document.visibilityState !== 'visible') return
    const rest = this.#asked + Math.max(LEAST_MS, PATIENCE * this.#took) - performance.now()
    this.#soon = setTimeout(this.again, Math.max(SOON_MS, rest))
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
      const text = JSON.stringify({ at: this.at, answer: this.answer })
      if (text.length <= MOST_KEPT) sessionStorage.setItem(this.#key, text)
    } catch {
      // Full or forbidden: a reload then starts empty.
    }
  }
}
