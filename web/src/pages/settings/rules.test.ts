import { expect, test } from 'vitest'
import { begun, draftOf, longer, ruleOf, secondsOf, sentence, wrongOf, type Draft } from './rules.ts'

const CHANNELS = ['push', 'sms', 'voice']
const draft = (change: Partial<Draft> = {}): Draft => ({ severity: 'critical', steps: [{ after: '0s', channel: 'push' }, { after: '2min', channel: 'sms' }, { after: '5', channel: 'voice' }], repeat: '5m', ...change })
const said = { atOnce: (channel: string) => `${channel} at once`, after: (channel: string, length: string) => `${channel} after ${length}`, again: (channel: string, length: string) => `${channel} again every ${length}` }

test('lengths as people write them; a bare number is minutes', () => {
  expect(['90s', '2min', '2 m', '5', '1h', '1d', 'soon', '', '1.5h', '-1'].map(secondsOf)).toEqual([90, 120, 120, 300, 3600, 86_400, null, null, null, null])
})

test('what is typed becomes a rule and back, and a sentence', () => {
  const rule = ruleOf(draft())
  expect(rule).toEqual({ severity: 'critical', steps: [{ after: '0s', channel: 'push' }, { after: '120s', channel: 'sms' }, { after: '300s', channel: 'voice' }], repeat_every: '300s' })
  expect(ruleOf(draftOf(rule))).toEqual(rule)
  expect(ruleOf(draft({ repeat: ' ' }))).not.toHaveProperty('repeat_every')
  expect(sentence(rule, said).replace(/\s/g, ' ')).toBe('push at once, sms after 2 min, voice after 5 min, voice again every 5 min')
})

test('a rule grows by the ways that it has not', () => {
  const one = longer(begun('any', CHANNELS), CHANNELS)
  expect(one.steps).toEqual([{ after: '0s', channel: 'push' }, { after: '2min', channel: 'sms' }])
  expect(longer(one, CHANNELS).steps[2]).toEqual({ after: '5min', channel: 'voice' })
  expect(wrongOf(longer(longer(one, CHANNELS), CHANNELS), CHANNELS)).toBeNull()
})

test('what the server would refuse is said before it is sent', () => {
  const steps = (...after: string[]) => draft({ steps: after.map((one) => ({ after: one, channel: 'push' })) })
  expect(wrongOf(draft(), CHANNELS)).toBeNull()
  expect(wrongOf(draft(), ['push'])).toBe('channel')
  expect([steps('0s', 'soon'), steps('0s', '5', '2'), steps('0s', '25h'), draft({ repeat: '10s' }), draft({ repeat: 'often' }), draft({ repeat: '2d' })].map((one) => wrongOf(one, CHANNELS))).toEqual(['time', 'order', 'day', 'repeat', 'repeat', 'repeat'])
})
