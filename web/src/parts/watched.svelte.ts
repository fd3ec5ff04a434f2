/** A feed that follows what a component asks for, and stops with it. */
import { stream } from '../frame/stream.svelte.ts'
import { Feed, type Question } from '../live/feed.ts'

export class Watched {
  feed = $state.raw<Feed | null>(null)
  /** Counts up when lines came or went, or the state changed. */
  version = $state(0)

  constructor(question: () => Question | null) {
    // Equal questions are one question, whatever object carries them.
    const key = $derived(JSON.stringify(question()))
    $effect(() => {
      const asked = JSON.parse(key) as Question | null
      if (!asked) {
        this.feed = null
        return
      }
      const feed = new Feed(stream.link, asked)
      feed.onchange = () => this.version++
      this.feed = feed
      return () => feed.stop()
    })
  }
}

/** Pixel columns to ask for: in steps, so that a resize by a pixel asks for nothing new. */
export function columnsFor(pixels: number, least = 300): number {
  return Math.max(least, Math.ceil(pixels / 100) * 100)
}
