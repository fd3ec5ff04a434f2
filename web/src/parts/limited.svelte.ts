/** The limits of what is drawn: asked now and then while somebody looks, and only where they are wanted. */
import { untrack } from 'svelte'
import { limits } from '../api/calls.ts'
import type { Near } from '../api/types.ts'
import { limitedNames } from '../plain/limits.ts'

const EVERY_MS = 30_000

export class Limited {
  answers = $state.raw<Near[]>([])

  /** No names: nobody wants them. */
  constructor(names: () => string[]) {
    // Equal lists are one list, whatever array carries them.
    const key = $derived(JSON.stringify(limitedNames(names())))
    $effect(() => {
      const list = JSON.parse(key) as string[]
      let stopped = false
      const show = (next: Near[]) => {
        // The graph is made anew for new lines: what is the same stays.
        if (!stopped && JSON.stringify(next) !== JSON.stringify(untrack(() => this.answers))) this.answers = next
      }
      const asked = async () => {
        if (!list.length) return show([])
        if (document.visibilityState === 'visible') show((await limits(list).catch(() => ({ closest: [] }))).closest.map(({ kind, name, label, of, series, level }) => ({ kind, name, label, of, series, level, share: 0 })))
      }
      void untrack(asked)
      const timer = setInterval(asked, EVERY_MS)
      return () => {
        stopped = true
        clearInterval(timer)
      }
    })
  }
}
