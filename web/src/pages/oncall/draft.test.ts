import { expect, test } from 'vitest'
import type { PolicyDefinition, ScheduleDefinition } from '../../api/oncall.ts'
import { draftOfPolicy, draftOfSchedule, fieldsOfPolicy, fieldsOfSchedule, policyOf, scheduleOf, wrongLengths } from './draft.ts'

const SCHEDULE: ScheduleDefinition = {
  name: 'web', time_zone: 'Europe/Berlin', may_be_empty: false,
  layer: [{ name: 'nights', people: ['ana', 'ben'], rotation: 'weekly', start: '2026-01-05', handoff: 'monday 09:00', restrictions: ['22:00-06:00', 'saturday, sunday'], advance: 'worked', time_zone: 'Asia/Tokyo', end: '2027-01-01' }, { people: ['cyd'], rotation: 'daily', start: '2026-01-05', handoff: '09:00', restrictions: [], advance: 'calendar' }],
}
const POLICY: PolicyDefinition = { name: 'web', repeat: 2, ack_timeout: '30min', step: [{ notify: ['schedule:web', 'ana'], wait: '5min', round_robin: true, if_time: 'office', only_if: '> 5 in 10m' }, { notify: ['team:web'], wait: '10min', round_robin: false }] }

test('what is written in a form is what was defined', () => {
  expect(scheduleOf(draftOfSchedule(SCHEDULE))).toEqual(SCHEDULE)
  expect(policyOf(draftOfPolicy(POLICY))).toEqual(POLICY)
  expect(fieldsOfSchedule(draftOfSchedule(SCHEDULE))).toContain('layer.1.handoff')
  expect(fieldsOfPolicy(draftOfPolicy(POLICY))).toContain('step.1.only_if')
})

test('a length that is none is said at its field before anything is sent', () => {
  const draft = { ...draftOfPolicy(POLICY), repeat: 'often', timeout: 'soon' }
  draft.steps[1].wait = ''
  const seconds = (text: string) => (/^\d+min$/.test(text) ? 60 : null)
  expect(wrongLengths(draft, seconds, { length: 'length', count: 'count' })).toEqual({ 'step.1.wait': 'length', ack_timeout: 'length', repeat: 'count' })
  expect(wrongLengths(draftOfPolicy(POLICY), seconds, { length: 'length', count: 'count' })).toEqual({})
})
