/** What each node of a pattern reads for the series that are there. */
import { nodeNames } from '../../api/calls.ts'
import { pathNodes } from '../../plain/expression.ts'

const MOST = 3

export async function nodeValues(pattern: string, signal?: AbortSignal): Promise<string[]> {
  const nodes = pathNodes(pattern)
  return Promise.all(
    nodes.map(async (_, index) => {
      const names = [...new Set((await nodeNames(nodes.slice(0, index + 1).join('.'), signal)).map(({ text }) => text))]
      return names.slice(0, MOST).join(', ') + (names.length > MOST ? ', …' : '')
    }),
  )
}
