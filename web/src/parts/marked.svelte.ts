/** What happened in the window: deploys and other marks. They come rarely and all graphs want them, so they are asked for apart from points. */
import { annotations } from '../api/calls.ts'
import type { Annotation } from '../api/types.ts'
import { here } from '../frame/place.svelte.ts'

const EVERY_MS = 3000

export class Marked {
  /** Null before the first answer. */
  answer = $state.raw<Annotation[] | null>(null)

  constructor() {
    $effect(() => {
      const { from, to } = here.span
      const abort = new AbortController()
      const ask = () => annotations(from, to, abort.signal).then((told) => this.#take(told), () => {})
      void ask()
      const timer = setInterval(() => document.visibilityState === 'visible' && here.live && void ask(), EVERY_MS)
      return () => {
        abort.abort()
        clearInterval(timer)
      }
    })
  }

  /** The same marks stay the same list: nothing is drawn anew. */
  #take(told: Annotation[]) {
    if (JSON.stringify(told) !== JSON.stringify(this.answer)) this.answer = told
  }
}
