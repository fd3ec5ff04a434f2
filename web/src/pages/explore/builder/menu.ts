/** Functions to choose from: grouped, or the best matches for what was typed. Pure. */
import type { GraphiteFunction } from '../../../api/types.ts'
import { takesSeries } from '../../../plain/chain.ts'
import { firstSentence } from '../editor/help.ts'

export type Group = { name: string; functions: GraphiteFunction[] }

/** Those that can be applied to series that are there. */
export function appliable(all: Iterable<GraphiteFunction>): GraphiteFunction[] {
  return [...all].filter(({ params }) => params[0] && takesSeries(params[0]))
}

/** Without words: by group. With words: the ones that fit, the best first, in one group without a name. */
export function choices(all: GraphiteFunction[], text: string): Group[] {
  const wanted = text.trim().toLowerCase().split(/\s+/).filter(Boolean)
  if (wanted.length === 0) {
    const groups = new Map<string, GraphiteFunction[]>()
    for (const one of [...all].sort((a, b) => a.name.localeCompare(b.name))) groups.set(one.group, [...(groups.get(one.group) ?? []), one])
    return [...groups].sort(([a], [b]) => a.localeCompare(b)).map(([name, functions]) => ({ name, functions }))
  }
  const fitting = all.map((one) => ({ one, points: points(one, wanted) })).filter(({ points }) => points > 0)
  fitting.sort((a, b) => b.points - a.points || a.one.name.localeCompare(b.one.name))
  return fitting.length ? [{ name: '', functions: fitting.map(({ one }) => one) }] : []
}

/** Every word has to be somewhere: in the name it counts for more than in the help. */
function points({ name, group, description }: GraphiteFunction, wanted: string[]): number {
  const lower = name.toLowerCase()
  const help = `${group} ${firstSentence(description)}`.toLowerCase()
  let sum = 0
  for (const word of wanted) {
    const found = lower === word ? 8 : lower.startsWith(word) ? 6 : lower.includes(word) ? 4 : help.includes(word) ? 1 : 0
    if (found === 0) return 0
    sum += found
  }
  return sum
}
