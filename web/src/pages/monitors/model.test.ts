import { expect, test } from 'vitest'
import type { MonitorRow } from '../../api/types.ts'
import { isNoisy } from '../../plain/noise.ts'
import { countsOf, hasOwner, hasPlaybook, itemsOf, worst, worstFirst } from './model.ts'

const row = (name: string, change: Partial<MonitorRow> = {}): MonitorRow => ({
  name, kind: 'check', host: 'web1', service: null, state: 'OK', state_type: 'HARD', attempt: 1, max_attempts: 3, since: 100, text: '', instances: 1, in_trouble: 0, acknowledged: false,
  in_downtime: false, silenced: false, flapping: false, shadow: false, notifies: true, owner: 'web', playbook: 'https://x', pages: 0, fired: 1, self_healed: 0, origin: 'ui', ...change,
})
const names = (rows: MonitorRow[]) => rows.map(({ name }) => name)

test('what nobody has in hand comes first, then the worst, then the newest; the rest by name', () => {
  const rows = [
    row('b'), row('a'), row('planned', { state: 'CRITICAL', in_downtime: true }), row('known', { state: 'CRITICAL', acknowledged: true, since: 300 }), row('perhaps', { state: 'CRITICAL', state_type: 'SOFT' }),
    row('old', { state: 'CRITICAL', since: 10 }), row('new', { state: 'DOWN', since: 200 }), row('warned', { state: 'WARNING', since: 400 }), row('unknown', { state: 'UNKNOWN' }),
  ]
  expect(names(worstFirst(rows))).toEqual(['new', 'old', 'unknown', 'warned', 'perhaps', 'known', 'planned', 'a', 'b'])
  expect(worst(rows)?.name).toBe('new')
  expect(worst([row('a')])).toBeNull()
  expect(countsOf(rows)).toMatchObject({ trouble: 7, open: 4, handled: 2, soft: 1, ok: 2 })
})

test('what is well folds to one line, unless it was asked for', () => {
  const answer = { now: 0, monitors: [row('a'), row('b', { state: 'CRITICAL' }), row('c', { state: 'PENDING', playbook: null })] }
  const shown = (items: ReturnType<typeof itemsOf>) => items.map((item) => (item.is === 'row' ? item.row.name : `${item.count} folded`))
  expect(shown(itemsOf(answer, null, '', false))).toEqual(['b', '2 folded'])
  expect(shown(itemsOf(answer, null, '', true))).toEqual(['b', '2 folded', 'a', 'c'])
  expect(shown(itemsOf(answer, null, 'WEB1 a', false))).toEqual(['a'])
  expect(shown(itemsOf(answer, 'noplaybook', '', false))).toEqual(['c'])
  expect(shown(itemsOf({ now: 0, monitors: [row('b', { state: 'CRITICAL' })] }, null, '', false))).toEqual(['b'])
})

test('whose it is and what to do may be said by its service: the server knows what it lacks', () => {
  const ofService = row('a', { owner: null, playbook: 'gone', lacks: ['playbook'] })
  expect([hasOwner(ofService), hasPlaybook(ofService)]).toEqual([true, false])
  expect([hasOwner(row('a', { owner: null })), hasPlaybook(row('a')), hasPlaybook(row('a', { lacks: [] })), hasOwner(row('a', { owner: null, lacks: [], shadow: true }))]).toEqual([false, true, true, false])
  expect(countsOf([ofService, row('b', { lacks: ['owner'] })])).toMatchObject({ unowned: 1, noplaybook: 1 })
})

test('noise is what fires often and ends by itself, or tells people all the time', () => {
  expect(isNoisy(row('a', { fired: 6, self_healed: 3 }))).toBe(true)
  expect(isNoisy(row('a', { fired: 6, self_healed: 2 }))).toBe(false)
  expect(isNoisy(row('a', { fired: 4, self_healed: 4 }))).toBe(false)
  expect(isNoisy(row('a', { pages: 20 }))).toBe(true)
})
