/** How an answer was made, from the server's account of it. Pure. */
import type { ExplainAnswer, ExplainedStep } from '../../api/types.ts'

export type Row = { step: ExplainedStep; depth: number; before: number; shifted: boolean }

/** A tree as rows, outermost first. `before` is how many series went in. */
export function rowsOf(step: ExplainedStep, depth = 0, around: ExplainedStep = step): Row[] {
  // The same text twice is the same series over two windows.
  const before = [...new Map(step.children.map(({ text, series }) => [text, series])).values()].reduce((sum, series) => sum + series, 0)
  const shifted = step.from !== around.from || step.until !== around.until
  return [{ step, depth, before, shifted }, ...step.children.flatMap((child) => rowsOf(child, depth + 1, step))]
}

export type Slowest = { what: string | null; milliseconds: number }
export type Account = { series: number; archives: string[]; points: number; milliseconds: number; slowest: Slowest | null }

/** `what` is null for reading. Said only where it is a good part of the whole. */
export function account({ fetches, targets, milliseconds }: ExplainAnswer): Account {
  const times = new Map<string | null, number>()
  const add = (what: string | null, took: number) => times.set(what, (times.get(what) ?? 0) + took)
  // Patterns of one window are read together, and each tells the time of all.
  const reads = new Map(fetches.map(({ from, until, milliseconds }) => [`${from} ${until}`, milliseconds]))
  for (const took of reads.values()) add(null, took)
  for (const { tree } of targets) if (tree) for (const { step } of rowsOf(tree)) if (step.function) add(step.function, step.own_milliseconds)
  const [what, took] = [...times].reduce((a, b) => (b[1] > a[1] ? b : a), [null, 0] as [string | null, number])
  return {
    series: seriesRead(fetches),
    archives: [...new Set(fetches.flatMap(({ archives }) => archives.map(({ archive }) => archive)))],
    points: fetches.reduce((sum, one) => sum + one.points, 0),
    milliseconds,
    slowest: took >= milliseconds * LEAST_SHARE ? { what, milliseconds: took } : null,
  }
}
const LEAST_SHARE = 0.2

/** One path that is read for two windows has its series once. */
function seriesRead(fetches: ExplainAnswer['fetches']): number {
  const most = new Map<string, number>()
  for (const { path, series } of fetches) most.set(path, Math.max(series, most.get(path) ?? 0))
  return [...most.values()].reduce((sum, count) => sum + count, 0)
}
