import { expect, test } from 'vitest'
import type { ExplainAnswer, ExplainedStep } from '../../api/types.ts'
import { account, rowsOf } from './how.ts'

const step = (name: string | null, own: number, series: number, children: ExplainedStep[] = [], from = 0): ExplainedStep => ({
  text: name ?? 'a.*', function: name, from, until: 100, milliseconds: own, own_milliseconds: own, series, points: series * 10, children,
})
const answer: ExplainAnswer = {
  now: 0, milliseconds: 30, cache: 'off',
  targets: [{ target: 't', error: null, milliseconds: 30, tree: step('alias', 0.1, 1, [step('movingAverage', 22, 1, [step(null, 0, 4, [], -50)])]) }],
  fetches: [
    { path: 'a.*', from: 0, until: 100, series: 4, points: 40, archives: [{ archive: '1s:6h', series: 3, step: 1 }, { archive: '10s:7d', series: 1, step: 10 }], milliseconds: 3 },
    { path: 'b.*', from: 0, until: 100, series: 1, points: 10, archives: [{ archive: '1s:6h', series: 1, step: 1 }], milliseconds: 2 },
  ],
}

test('the slow part is said first', () => {
  expect(account(answer)).toEqual({ series: 5, archives: ['1s:6h', '10s:7d'], points: 50, milliseconds: 30, slowest: { what: 'movingAverage', milliseconds: 22 } })
  expect(account({ ...answer, targets: [] }).slowest).toBeNull()
  expect(account({ ...answer, targets: [], milliseconds: 6 }).slowest).toEqual({ what: null, milliseconds: 2 })
})

test('rows: outermost first, what went in, another window', () => {
  expect(rowsOf(answer.targets[0].tree!).map(({ step, depth, before, shifted }) => [step.function, depth, before, shifted])).toEqual([
    ['alias', 0, 1, false], ['movingAverage', 1, 4, false], [null, 2, 0, true],
  ])
})
