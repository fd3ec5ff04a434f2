/** The limits of what is drawn: asked now and then while somebody looks, and only where they are wanted. */
import { untrack } from 'svelte'
import { limits } from '../api/calls.ts'
import { limitedNames, limitOf, type Limit } from '../plain/limits.ts'

const EVERY_MS = 30_000

export class Limited {
  answers = $state.raw<Limit[]>([])

  /** No names: nobody wants them. */
  constructor(names: () => string[]) {
    // Equal lists are one list, whatever array carries them.
    const key = $derived(JSON.stringify(limitedNames(names())))
    $effect(() => {
      const list = JSON.parse(key) as string[]
      let stopped = false
      const show = (next: Limit[]) => {
        // The graph is made anew for new lines: what is the same stays.
        if (!stopped && JSON.stringify(next) !== JSON.stringify(untrack(() => this.answers))) this.answers = next
      }
      const asked = async () => {
        if (!list.length) return show([])
        if (document.visibilityState !== 'visible') return
        // What could not be asked this time stays as it is.
        const told = await limits(list).catch(() => null)
        if (told) show(told.closest.map(limitOf))
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
