/** A feed that follows what a component asks for, and stops with it. Points stay outside: only their frame is state. */
import { untrack } from 'svelte'
import type { Trouble } from '../api/client.ts'
import type { Annotation, TargetError } from '../api/types.ts'
import { stream } from '../frame/stream.svelte.ts'
import { Feed, type FeedState, type Question } from '../live/feed.ts'
import type { Growing } from '../live/tail.ts'

export class Watched {
  feed = $state.raw<Feed | null>(null)
  state = $state<FeedState>('loading')
  lines = $state.raw<Growing[]>([])
  errors = $state.raw<(TargetError | null)[]>([])
  annotations = $state.raw<Annotation[]>([])
  trouble = $state.raw<Trouble | null>(null)

  constructor(question: () => Question | null) {
    // Equal questions are one question, whatever object carries them.
    const key = $derived(JSON.stringify(question()))
    $effect(() => {
      const asked = JSON.parse(key) as Question | null
      if (!asked) return untrack(() => this.#show(null))
      const feed = new Feed(stream.link, asked)
      feed.onchange = () => this.#show(feed)
      // What was drawn stays until the new answer is here: nothing jumps.
      untrack(() => this.feed?.state !== 'ready' && this.#show(feed))
      return () => feed.stop()
    })
  }

  #show(feed: Feed | null) {
    this.feed = feed
    this.state = feed?.state ?? 'loading'
    this.lines = feed ? [...feed.lines] : []
    this.errors = feed ? [...feed.errors] : []
    this.annotations = feed?.annotations ?? []
    this.trouble = feed?.trouble ?? null
  }
}

/** Pixel columns to ask for: in steps, so that a resize by a pixel asks for nothing new. */
export function columnsFor(pixels: number, least = 300): number {
  return Math.max(least, Math.ceil(pixels / 100) * 100)
}
