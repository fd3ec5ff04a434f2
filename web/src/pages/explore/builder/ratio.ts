/** "As a percentage of…": what the lines of a chain can be compared with. Pure. */
import { applied, chainOf, inside, type Chain } from '../../../plain/chain.ts'
import { hasPattern, pathNodes, read } from '../../../plain/expression.ts'

export type Ratio = { kind: 'sum' | 'sibling' | 'other'; name: string; target: string }

/** Functions that make one line of many: their results have no nodes left to pair by. */
const isCombined = (chain: Chain, combining: Set<string>) => chain.shells.some(({ call }) => combining.has(call.name))

/** The node whose neighbours are the natural totals: the last that is a plain name. */
export function siblingNode(path: string): number | null {
  const nodes = pathNodes(path)
  const found = nodes.findLastIndex((node) => !hasPattern(node))
  return nodes.length > 1 && found > 0 ? found : null
}

export function ratios(text: string, chain: Chain, siblings: string[], combining: Set<string>): Ratio[] {
  const whole = inside(text, chain, chain.shells.length)
  const percent = (args: string[]) => applied(text, chain, chain.shells.length, { name: 'asPercent', args })
  const sum: Ratio = { kind: 'sum', name: '', target: percent([]) }
  if (chain.base.kind !== 'path') return [sum]
  const path = text.slice(chain.base.start, chain.base.end)
  const nodes = pathNodes(path)
  // Lines belong together that have the same names where the pattern leaves room.
  const pairs = isCombined(chain, combining) ? [] : nodes.flatMap((node, index) => (hasPattern(node) ? [String(index)] : []))
  const over = (other: string) => percent([totalOf(whole, other), ...pairs])
  const at = siblingNode(path)
  const others = at === null ? [] : siblings.filter((name) => name !== nodes[at]).map((name): Ratio => ({ kind: 'sibling', name, target: over(nodes.with(at, name).join('.')) }))
  return [sum, ...others, { kind: 'other', name: '', target: over(path) }]
}

/** The same functions over another path. */
function totalOf(whole: string, path: string): string {
  const { expression } = read(whole)
  if (!expression) return path
  const { base } = chainOf(whole, expression)
  return whole.slice(0, base.start) + path + whole.slice(base.end)
}
