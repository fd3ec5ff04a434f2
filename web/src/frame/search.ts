/** The palette's model: what the words that were typed could mean, in one ranked list. */
import type { FoundSeries } from '../api/types.ts'
import type { IconName } from '../parts/Icon.svelte'

export type Found = { id: string; kind: 'page' | 'command' | 'series'; title: string; keys: string[]; icon: IconName; series?: FoundSeries }
type Choosable = { id: string; title: string; keys: string[]; icon?: IconName }

/** All words must occur; a start of a word counts more than its middle, an earlier place more than a later. */
export function score(text: string, title: string): number | null {
  const low = title.toLowerCase()
  let total = 0
  for (const word of text.toLowerCase().split(/\s+/).filter(Boolean)) {
    const at = low.indexOf(word)
    if (at < 0) return null
    const starts = at === 0 || /[^a-z0-9]/.test(low[at - 1])
    total += (starts ? 2 : 1) - at / 1000
  }
  return total
}

export function rank(text: string, actions: Choosable[]): Found[] {
  return actions
    .map((action) => ({ action, points: score(text, action.title) }))
    .filter(({ points }) => points !== null)
    .sort((a, b) => b.points! - a.points!)
    .map(({ action }) => ({ id: action.id, kind: action.keys[0]?.startsWith('g ') ? 'page' : 'command', title: action.title, keys: action.keys, icon: action.icon ?? 'right' }))
}

export function seriesFound(series: FoundSeries[]): Found[] {
  return series.map((one) => ({ id: `series ${one.name}`, kind: 'series', title: one.name, keys: [], icon: 'explore', series: one }))
}
