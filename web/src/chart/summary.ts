/** What a graph says in words, for those who do not see it. */
import type { Feed } from '../live/feed.ts'
import { sharedGaps, statsOf } from '../plain/lines.ts'
import { formatted, type Unit } from '../plain/number.ts'
import { words } from '../words.ts'

const MOST_LINES = 4

export function summaryOf(feed: Feed, name: (index: number) => string, unit: Unit): string {
  const { summary } = words.graph
  if (feed.lines.length === 0) return words.graph.empty
  const { from, to } = feed.window
  const said = feed.lines.slice(0, MOST_LINES).map((line, index) => {
    const { last, min, max } = statsOf(line, from, to)
    if (last === null) return summary.none(name(index))
    return summary.line(name(index), formatted(last, unit), formatted(min, unit), formatted(max, unit))
  })
  const rest = feed.lines.length - MOST_LINES
  if (rest > 0) said.push(summary.others(rest))
  const gaps = sharedGaps(feed.lines).length
  return [summary.lines(feed.lines.length), ...said, ...(gaps ? [summary.gaps(gaps)] : [])].join(' ')
}
