import { expect, test } from 'vitest'
import { levelsOf, numbered } from './perfdata.ts'

const item = (label: string, uom: string, warn: string | null = null, crit: string | null = null) => ({ label, value: 1, uom, warn, crit, min: null, max: null, breach: 'none' as const })

test('numbers of a check are the series that the server says; pattern characters in their names are quoted', () => {
  const kept = (series: string, scale = 1) => ({ label: '', series, scale })
  const told = numbered([item('/', 'MB', '100', '@200:300'), item('time', 'ms', '500'), item('used', '%'), item('a*', '')], [kept('checks.web1.disk.__bytes', 1024 ** 2), kept('checks.web1.disk.time_seconds', 1e-3), kept('checks.web1.disk.used_percent'), kept('checks.web1.disk.a*')])
  expect(told.map(({ target, unit }) => [target, unit])).toEqual([['checks.web1.disk.__bytes', 'B'], ['checks.web1.disk.time_seconds', 's'], ['checks.web1.disk.used_percent', '%'], ['checks.web1.disk.a\\*', null]])
  expect(told[0].levels).toEqual([{ at: 100 * 1024 ** 2, state: 'warning' }, { at: 200 * 1024 ** 2, state: 'critical' }, { at: 300 * 1024 ** 2, state: 'critical' }])
  expect(told[1].levels).toEqual([{ at: 0.5, state: 'warning' }])
})

test('an answer that an older server gave, kept over a reload, has no graphs', () => {
  expect(numbered([item('time', 's')], undefined)).toEqual([])
})

test.each([
  ['10', [10]], ['10:', [10]], ['~:10', [10]], ['10:20', [10, 20]], ['@10:20', [10, 20]], ['@5', [5]], ['-5:5.5', [-5, 5.5]], ['', []], [null, []], ['nonsense', []], ['~:', []],
])('range %s', (range, wanted) => expect(levelsOf(range, 'warning').map(({ at }) => at)).toEqual(wanted))
