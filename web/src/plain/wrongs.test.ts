import { expect, test } from 'vitest'
import { wrongsOf } from './wrongs.ts'

test('what is wrong is said at its field; the rest is said of all', () => {
  const message = 'name: a schedule needs a name, such as "web"; layer.0.rotation (layer 1 `nights`): `now` is no length; layer.0.people.1 (layer 1 `nights`, line 2): there is no contact `zoe`; layer.0.people.2 (layer 1 `nights`, line 3): there is no contact `yan`'
  expect(wrongsOf(message, ['name', 'layer.0.rotation', 'layer.0.people'])).toEqual({
    at: { name: 'a schedule needs a name, such as "web"', 'layer.0.rotation': '`now` is no length', 'layer.0.people': 'there is no contact `zoe`; there is no contact `yan`' },
    rest: '',
  })
  expect(wrongsOf('there are 100 schedules already: remove one first', ['name'])).toEqual({ at: {}, rest: 'there are 100 schedules already: remove one first' })
  expect(wrongsOf('step.3.wait: too long', ['name'])).toEqual({ at: {}, rest: 'step.3.wait: too long' })
})

test('places in lists are told apart, however they are written', () => {
  const message = 'rules[1].when[0].field: `colour` is none of type, value; rules[1].then.fingerprint[2]: a text has 1 to 500 characters; facets[3]: `x` is no path; max_events_per_5m: too many'
  expect(wrongsOf(message, ['rules.1.when.0.field', 'rules.1.then.fingerprint', 'facets', 'max_events_per_5m'])).toEqual({
    at: { 'rules.1.when.0.field': '`colour` is none of type, value', 'rules.1.then.fingerprint': 'a text has 1 to 500 characters', facets: '`x` is no path', max_events_per_5m: 'too many' },
    rest: '',
  })
})
