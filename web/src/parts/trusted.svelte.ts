/** How far to believe what is shown: asked every few seconds while somebody looks. */
import { untrack } from 'svelte'
import { trust } from '../api/calls.ts'
import type { Trust } from '../api/types.ts'
import { here } from '../frame/place.svelte.ts'
import { now } from '../live/time.ts'
import { windowOf, type Span } from '../plain/span.ts'

const EVERY_MS = 5000

export class Trusted {
  /** One for each target; null where it could not be asked. Empty before the first answer. */
  answers = $state.raw<(Trust | null)[]>([])

  constructor(targets: () => string[], span: () => Span = () => here.span) {
    // Equal lists are one list, whatever array carries them.
    const key = $derived(JSON.stringify(targets()))
    $effect(() => {
      const list = JSON.parse(key) as string[]
      // Another window is another question; a live one only moves on.
      const looked = span()
      let stopped = false
      const ask = async () => {
        if (document.visibilityState !== 'visible' && this.answers.length) return
        const { from, to } = windowOf(looked, now())
        const told = await Promise.all(list.map((target) => trust(target, from, to).catch(() => null)))
        if (!stopped) this.answers = told
      }
      void untrack(ask)
      const timer = setInterval(ask, EVERY_MS)
      return () => {
        stopped = true
        clearInterval(timer)
      }
    })
  }
}
