import { expect, test } from 'vitest'
import { levelsOf, numbered } from './perfdata.ts'

const item = (label: string, uom: string, warn: string | null = null, crit: string | null = null) => ({ label, value: 1, uom, warn, crit, min: null, max: null, breach: 'none' as const })

test('numbers of a check are found as the series that they are kept as', () => {
  const targets = (host: string | null, service: string | null, ...items: ReturnType<typeof item>[]) => numbered(items, host, service).map(({ target }) => target)
  expect(targets('web1', 'disk', item('/', 'MB'), item('time', 'ms'), item('used_percent', '%'))).toEqual(['checks.web1.disk.__bytes', 'checks.web1.disk.time_seconds', 'checks.web1.disk.used_percent'])
  expect(targets('web1.example.com', 'HTTP on :80', item('size', 'B'))).toEqual(['checks.web1_example_com.HTTP_on__80.size_bytes'])
  expect(targets(null, 'front page', item('a b', ''), item('a_b', ''))).toEqual(['checks.no-host.front_page.a_b', 'checks.no-host.front_page.a_b_2'])
  expect(targets('web1', null, item('rta', 'ms'))).toEqual(['checks.web1.host-check.rta_seconds'])
})

test('levels are in the unit of the series', () => {
  expect(numbered([item('/', 'MB', '100', '200')], 'a', 'b')[0].levels).toEqual([{ at: 100 * 1024 ** 2, state: 'warning' }, { at: 200 * 1024 ** 2, state: 'critical' }])
})

test.each([
  ['10', [10]], ['10:', [10]], ['~:10', [10]], ['10:20', [10, 20]], ['@10:20', [10, 20]], ['@5', [5]], ['-5:5.5', [-5, 5.5]], ['', []], [null, []], ['nonsense', []], ['~:', []],
])('range %s', (range, wanted) => expect(levelsOf(range, 'warning').map(({ at }) => at)).toEqual(wanted))
