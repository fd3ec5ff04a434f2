import { expect, test } from 'vitest'
import type { Deed, ErrorGroup, Series, Tag } from '../../api/errors.ts'
import { Trouble } from '../../api/client.ts'
import { words } from '../../words/errors.ts'
import { changeAll } from './deeds.ts'
import { arrived, bars, countsOf, deployOf, deploysOf, held, incidentsOf, isBack, isSpike, itemsOf, mostTelling, releasesOf, sectionOf, sharesOf, toggled, untilOf, wantedOf } from './model.ts'

const group = (id: number, change: Partial<ErrorGroup> = {}): ErrorGroup => ({
  id, short: `WEB-${id}`, project: 1, project_name: 'web', title: `E${id}`, culprit: '', level: 'error', status: 'unresolved', count: 1, users: 0, first_seen: 0, last_seen: 0, release_first: null, release_last: null, environment: [],
  assigned: null, hours: Array.from({ length: 24 }, () => 0), is_new_since_deploy: false, unhandled: false, ...change,
})
const quietThen = (now: number, before = 1) => [...Array.from({ length: 23 }, () => before), now]

test('what is new since the deploy stands on top, then what came back, then what comes more often; what is dealt with does not', () => {
  const [known, spike, back, fresh] = [group(1), group(2, { hours: quietThen(40) }), group(3, { regressed_at: 5 }), group(4, { is_new_since_deploy: true, regressed_at: 5, release_first: 'web@2', users: 3 })]
  expect([known, spike, back, fresh].map(sectionOf)).toEqual(['rest', 'spike', 'back', 'fresh'])
  expect(sectionOf({ ...fresh, status: 'ignored' })).toBe('rest')
  const shown = itemsOf([known, spike, back, fresh], 'last').map((item) => (item.is === 'head' ? `${item.section} ${item.count}` : item.group.id))
  expect(shown).toEqual(['fresh 1', 4, 'back 1', 3, 'spike 1', 2, 'rest 1', 1])
  expect(itemsOf([known, fresh], 'count').map(({ is }) => is)).toEqual(['row', 'row'])
  expect(itemsOf([known], 'last').map(({ is }) => is)).toEqual(['row'])
  expect(countsOf([known, spike, back, fresh])).toMatchObject({ fresh: 1, back: 1, spike: 1, rest: 1, worst: { id: 4 } })
  expect(deployOf([known, fresh])).toBe('web@2')
  expect(deployOf([fresh, group(5, { is_new_since_deploy: true, release_first: 'web@3' })])).toBeNull()
  expect(countsOf([]).worst).toBeNull()
})

test('what began within two hours is new without a deploy; words of users are neither new nor a spike', () => {
  const hours = quietThen(3, 0)
  expect(sectionOf(group(1, { hours, first_seen: 1000, last_seen: 1060 }))).toBe('young')
  // It was dealt with, and is there again.
  expect(sectionOf(group(1, { hours, first_seen: 1000, last_seen: 1060, regressed_at: 1050 }))).toBe('back')
  // It was seen two days ago too.
  expect(sectionOf(group(1, { hours, first_seen: 1000, last_seen: 180_000 }))).toBe('rest')
  expect(sectionOf(group(1, { hours: quietThen(3), first_seen: 1000, last_seen: 1060 }))).toBe('rest')
  expect(sectionOf(group(1, { kind: 'feedback', is_new_since_deploy: true }))).toBe('said')
  expect(countsOf([group(1, { kind: 'feedback', is_new_since_deploy: true })]).worst).toBeNull()
})

test('what a split could not tell apart is said of both', () => {
  expect(words.unparted('WEB-9', true, 1, 2)).toBe('1 event of WEB-9 that is no longer kept is counted here in tags, users and counts over time. Up to 2 users may have had only WEB-9.')
  expect(words.unparted('WEB-9', false, 3, 0)).toBe('3 events of this error that are no longer kept are counted with WEB-9 in tags, users and counts over time.')
})

test('each is told of once: when it is new, and when it comes back', () => {
  const fresh = group(2, { is_new_since_deploy: true })
  const first = arrived(null, [group(1), fresh])
  expect(first.news).toEqual([])
  const second = arrived(first.known, [group(3, { is_new_since_deploy: true }), group(1, { regressed_at: 9 }), fresh])
  expect(second.news.map(({ id }) => id)).toEqual([3, 1])
  expect(arrived(second.known, [group(1, { regressed_at: 9 })]).news).toEqual([])
  expect(arrived(second.known, [group(1, { regressed_at: 20 })]).news).toHaveLength(1)
})

test('more often than usual is many, and many more than before', () => {
  expect(isSpike(group(1, { hours: quietThen(40) }))).toBe(true)
  expect(isSpike(group(1, { hours: quietThen(9) }))).toBe(false)
  expect(isSpike(group(1, { hours: quietThen(40, 20) }))).toBe(false)
  // What has begun in this hour is new, and no spike.
  expect(isSpike(group(1, { hours: quietThen(40, 0) }))).toBe(false)
  expect(isSpike(group(1, { hours: [] }))).toBe(false)
  expect(isSpike(group(1, { hours: null }))).toBe(false)
})

test('nothing moves while somebody reads: numbers change, rows stay, what is new is counted', () => {
  const shown = [group(1, { count: 1 }), group(2, { is_new_since_deploy: true })]
  const { groups, waiting } = held(shown, [group(9), group(2, { count: 7 }), group(1, { count: 2 })])
  expect(groups.map(({ id, count, is_new_since_deploy }) => [id, count, is_new_since_deploy])).toEqual([[1, 2, false], [2, 7, true]])
  expect(waiting).toBe(1)
  expect(held(shown, []).groups).toEqual(shown)
})

test('filters are what the URL says, and what it says wrongly is left out', () => {
  expect(wantedOf({})).toEqual({ project: undefined, status: 'unresolved', level: undefined, release: undefined, environment: undefined, assigned: undefined, tag: undefined, q: undefined, sort: 'last' })
  expect(wantedOf({ tag: 'drive:gdrive' }).tag).toBe('drive:gdrive')
  expect(wantedOf({ tag: 'drive' }).tag).toBeUndefined()
  expect(wantedOf({ status: 'all', level: 'loud', sort: 'sideways' })).toMatchObject({ status: undefined, level: undefined, sort: 'last' })
  expect(wantedOf({ status: 'ignored', level: 'fatal', find: '401', project: '3', release: 'web@1', environment: 'live', assigned: 'ana', sort: 'users' })).toEqual({ project: '3', status: 'ignored', level: 'fatal', release: 'web@1', environment: 'live', assigned: 'ana', tag: undefined, q: '401', sort: 'users' })
})

test.each([
  ['forever', '', undefined], ['time', '7d', { time: 605_800 }], ['time', 'soon', null], ['events', '100', { events: 100 }], ['events', ' 100 in 1h ', { events: 100, within: '1h' }], ['events', '100 in blue', null],
  ['events', '0', null], ['users', '10', { users: 10 }], ['users', '10 in 1h', null], ['release', ' web@2 ', { release: 'web@2' }], ['release', ' ', null],
] as const)('ignored until: %s %s', (kind, text, until) => expect(untilOf(kind, text, 1000)).toEqual(until))

test('releases that began within the hours that are drawn are lines in them', () => {
  const release = (release: string, first_seen: number | null) => ({ release, count: 1, first_seen })
  expect(deploysOf([release('b', 36_000), release('a', 100), release('c', null)], 37_800, 4)).toEqual([{ release: 'b', before: 1 }])
  expect(deploysOf([release('b', 36_000)], 37_800, 0)).toEqual([])
})

test('choosing, and bars', () => {
  expect([...toggled(new Set([1]), 2)]).toEqual([1, 2])
  expect([...toggled(new Set([1]), 1)]).toEqual([])
  expect(bars([0, 5, 10])).toEqual([0, 0.5, 1])
  expect(bars([0, 0])).toEqual([0, 0])
})

test('the tag that tells most comes first', () => {
  const tag = (key: string, share: number, usual: number): Tag => ({ key, values: [{ value: 'x', count: 1, last_seen: 0, share, usual }] })
  expect(mostTelling([tag('browser', 0.5, 0.5), tag('os', 0.9, 0.8), tag('drive', 0.97, 0.2), tag('a', 0.1, 0.5)]).map(({ key }) => key)).toEqual(['drive', 'os', 'a', 'browser'])
})

test('releases: those that are known, and those that only events tell of', () => {
  const series: Series[] = [{ name: 'web@2', points: [[0, 6], [3600, 3]] }, { name: 'odd', points: [[0, 1]] }, { name: '', points: [[0, 10]] }]
  expect(releasesOf([{ release: 'web@2', first_seen: 50 }, { release: 'web@1', first_seen: 10 }], series, [group(1, { release_first: 'web@2' }), group(2)])).toEqual([
    { version: 'web@2', first: 50, count: 9, share: 0.45, fresh: 1 }, { version: 'web@1', first: 10, count: 0, share: 0, fresh: 0 }, { version: 'odd', first: null, count: 1, share: 0.05, fresh: 0 },
  ])
})

test('of many deeds each is done, and those that failed are told', async () => {
  const done: number[] = []
  const told = await changeAll([1, 2, 3, 4, 5], { status: 'resolved' }, (id) => (id === 2 ? Promise.reject(new Trouble(409, 'busy', null)) : Promise.resolve(done.push(id))))
  expect([done, told.failed, told.trouble?.message]).toEqual([[1, 3, 4, 5], [2], 'busy'])
  expect(await changeAll([], { status: 'resolved' })).toEqual({ failed: [], trouble: null })
})

test('it is back, unless somebody has said something since', () => {
  const done = (...kinds: string[]): Deed[] => kinds.map((kind) => ({ at: 0, who: '', kind, text: '' }))
  expect(isBack({ status: 'unresolved', activity: done('assigned', 'regressed', 'resolved', 'opened') })).toBe(true)
  expect(isBack({ status: 'unresolved', activity: done('reopened', 'ignored', 'regressed') })).toBe(false)
  expect(isBack({ status: 'resolved', activity: done('resolved', 'regressed') })).toBe(false)
  expect(isBack({ status: 'unresolved', activity: [] })).toBe(false)
})

test('shares of releases, and the incidents that it is in', () => {
  expect(sharesOf([{ release: 'b', count: 3, first_seen: 1 }, { release: 'a', count: 1, first_seen: null }])).toEqual([{ release: 'b', share: 0.75 }, { release: 'a', share: 0.25 }])
  expect(sharesOf([])).toEqual([])
  const open = [{ reason: 'errors:new errors/web/7', also: [] }, { reason: 'monitor:x', also: ['errors:r/web/7'] }, { reason: 'errors:r/web/17', also: [] }, { reason: 'monitor:a/web/7', also: [] }]
  expect(incidentsOf({ project_name: 'web', short: 'WEB-7' }, open)).toEqual(open.slice(0, 2))
})
