import { expect, test } from 'vitest'
import type { Moved, MonitorDefinition, TroubleItem, WholeIncident } from '../../api/types.ts'
import { blocks } from '../../plain/markdown.ts'
import { guessUnit } from '../../plain/names.ts'
import { errorsOf, grouped, keyOf, levelsOfGraph, namesIn, nameOf, spanOf, splitOff, splitRefused, stepsOfItems, subjectOfReason, targetsOf, timelineOf, worthTelling } from './model.ts'

const NOW = 1_700_000_000

test('its window begins before it, ends after it, and grows in steps while it is open', () => {
  expect(spanOf({ opened: NOW - 60, closed: null }, NOW)).toEqual({ from: '-20min', to: 'now' })
  expect(spanOf({ opened: NOW - 60, closed: null }, NOW + 100)).toEqual({ from: '-20min', to: 'now' })
  expect(spanOf({ opened: NOW - 86_400, closed: null }, NOW)).toEqual({ from: '-30h', to: 'now' })
  expect(spanOf({ opened: NOW - 7200, closed: NOW - 3600 }, NOW)).toEqual({ from: String(NOW - 8100), to: String(NOW - 2700) })
  expect(spanOf({ opened: NOW - 7200, closed: NOW - 10 }, NOW).to).toBe(String(NOW))
  // A clock that is behind the server's claims no window from the future.
  expect(spanOf({ opened: NOW + 5, closed: null }, NOW)).toEqual({ from: '-15min', to: 'now' })
})

test('whose it is', () => {
  expect(subjectOfReason('monitor:web1/disk: /var')).toEqual({ is: 'monitor', name: 'web1/disk: /var' })
  expect(subjectOfReason('host:web1')).toEqual({ is: 'host', name: 'web1' })
  expect([subjectOfReason('channel:mail'), subjectOfReason('monitor:')]).toEqual([null, null])
})

test('of stored series the bad ones are drawn, of the outcome of a function the whole', () => {
  const troubles = (...instances: string[]) => instances.map((instance) => ({ instance, state: 'OK', worst: 'CRITICAL', since: NOW }) as WholeIncident['troubles'][number])
  const rule = (target: string): MonitorDefinition => ({ name: 'x', target })
  expect(targetsOf(rule('a.*'), troubles('a.b', 'a.c*'))).toEqual(['a.b', 'a.c\\*'])
  const [calm, late, early] = troubles('calm', 'late', 'early')
  expect(targetsOf(rule('*'), [{ ...calm, state: 'WARNING', worst: 'WARNING' }, { ...late, since: NOW + 1 }, early])).toEqual(['early', 'late', 'calm'])
  expect(targetsOf(rule("seriesByTag('name=a')"), troubles('a;host=b'))).toEqual(["seriesByTag('name=a', 'host=b')"])
  expect(targetsOf(rule('sumSeries(a.*)'), troubles('sumSeries(a.*)'))).toEqual(['sumSeries(a.*)'])
  expect(targetsOf(rule("alias(a.b, 'B')"), troubles('B'))).toEqual(["alias(a.b, 'B')"])
  expect(targetsOf(rule('a.*'), troubles(''))).toEqual(['a.*'])
  expect(targetsOf(rule('a.*'), troubles(...Array.from({ length: 1000 }, (_, index) => `a.${index}`)))).toHaveLength(6)
  expect([targetsOf({ name: 'a heartbeat' }, troubles('')), targetsOf(undefined, [])]).toEqual([[], []])
})

test('deploys and flips stand among what happened, in order', () => {
  const incident = { timeline: [{ at: NOW, kind: 'opened', who: '', text: 'x' }, { at: NOW + 60, kind: 'note', who: 'ana', text: 'y' }] } as WholeIncident
  const change = (at: number, what: string, ...tags: string[]) => ({ at, what, tags })
  const told = timelineOf({ ...incident, events: [change(NOW - 180, 'web@1.4.3', 'deploy', 'web'), change(NOW, 'new uploader: on', 'flip'), change(NOW + 90, 'the bank moved')] })
  expect(told.map(({ kind, text }) => [kind, text])).toEqual([['deploy', 'web@1.4.3'], ['flip', 'new uploader: on'], ['opened', 'x'], ['note', 'y'], ['event', 'the bank moved']])
})

test('what was sent later stands when it was seen, and people are told when they are told', () => {
  const entry = (at: number, kind: string) => ({ at: NOW + at, kind, who: '', text: '' })
  const told = timelineOf({ timeline: [entry(-600, 'opened'), entry(0, 'page'), entry(-300, 'resolved')] })
  expect(told.map(({ kind }) => kind)).toEqual(['opened', 'resolved', 'page'])
})

test('what comes of a deed has no events; its timeline stands alone', () => {
  expect(timelineOf({ timeline: [{ at: NOW, kind: 'opened', who: '', text: 'x' }] })).toHaveLength(1)
})

test('a host is not the check of its name; what leaves is sent as the API takes it', () => {
  const one = { host: true, monitor: 'web1', instance: '', text: 'away' } as TroubleItem
  expect([nameOf(one), nameOf({ host: false, monitor: 'web1' })]).toEqual(['host:web1', 'web1'])
  expect(keyOf(one)).not.toBe(keyOf({ ...one, host: false }))
  expect(splitOff([one])).toEqual([{ host: true, monitor: 'web1', instance: '' }])
})

test('something bad leaves, something bad stays', () => {
  const one = (instance: string, state: string) => ({ host: false, monitor: 'a', instance, state }) as TroubleItem
  const [bad, worse, well] = [one('x', 'WARNING'), one('y', 'CRITICAL'), one('z', 'OK')]
  expect(splitRefused([bad, worse, well], [bad, well])).toBeNull()
  expect(splitRefused([bad, worse, well], [well])).toBe('well')
  expect(splitRefused([bad, worse, well], [bad, worse])).toBe('all')
})

test('what else moved leaves out what is drawn already, and what looks the same', () => {
  const one = (series: string, before: number, during: number): Moved => ({ series, before, during, score: 9, share_of_limit: null, limit: null })
  expect(worthTelling([one('a', 0, 0), one('b', 1.0001, 1.0002), one('c', 1, 30), one('d', 1, 30)], ['d'], guessUnit).map(({ series }) => series)).toEqual(['c'])
})

test('names that are written with commas; members that came for another reason', () => {
  expect([namesIn(' ana, ben ,'), namesIn('  ')]).toEqual([['ana', 'ben'], []])
  expect(grouped([{ why: null }, { why: 'the same host' }] as WholeIncident['troubles'])).toBe(1)
})

test('items of a playbook are its steps by their words; what is no step has no box', () => {
  const step = (number: number, text: string) => ({ number, text, ticked: null })
  const steps = [step(1, 'look at `status`'), step(2, 'roll back'), step(3, 'roll back')]
  const text = blocks('- [ ] look at `status`\n- only a remark\n\n1. roll back\n2. roll back\n')
  expect(stepsOfItems(text, steps).map((one) => one?.number)).toEqual([1, undefined, 2, 3])
  expect(stepsOfItems(blocks('no list'), steps)).toEqual([])
})

test('groups of errors are told by their reasons; a threshold that is none draws no line', () => {
  const troubles = [{ host: false, monitor: 'new errors', instance: 'shop/12' }, { host: false, monitor: 'new errors', instance: 'shop/13' }, { host: false, monitor: 'queue', instance: 'shop/12' }] as TroubleItem[]
  expect(errorsOf({ reason: 'monitor:queue', also: ['errors:new errors/shop/12'], troubles })).toEqual([troubles[0]])
  expect(errorsOf({ reason: 'monitor:queue', also: [], troubles })).toEqual([])
  expect(levelsOfGraph({ warning: null, critical: 90 })).toEqual([{ at: 90, state: 'critical' }])
})
