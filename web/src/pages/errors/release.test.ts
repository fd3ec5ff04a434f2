import { expect, test } from 'vitest'
import type { ErrorGroup } from '../../api/errors.ts'
import { backIn, graphsOf, hoursOf, partOf, placesOf } from './release.ts'

test('a release has the name that its series have', () => {
  expect(['web@1.2', '4f2a9c1', '@scope/web@1.0.0-rc.1+b7', 'a--b_'].map(partOf)).toEqual(['web_1_2', '4f2a9c1', 'scope_web_1_0_0-rc_1_b7', 'a--b'])
  expect(graphsOf('web', 'web@1.2').sessions).toBe("alias(summarize(errors.web.releases.web_1_2.sessions.count,'10min','sum'),'web_1_2')")
})

test('events of the last day are counted by the hour, the present one last', () => {
  const now = 100 * 3600 + 60
  const hours = hoursOf([{ name: '', points: [[100 * 3600, 2], [100 * 3600 + 30, 1], [99 * 3600, 5], [77 * 3600, 7], [76 * 3600, 9]] }], now)
  expect([hours.length, hours[23], hours[22], hours[0]]).toEqual([24, 3, 5, 7])
})

test('what came back in it is what did so since, and did not begin in it', () => {
  const one = (id: number, regressed_at: number | null, release_first: string) => ({ id, regressed_at, release_first }) as ErrorGroup
  expect(backIn([one(1, 50, 'a'), one(2, 150, 'a'), one(3, 150, 'b'), one(4, null, 'a')], 'b', 100).map(({ id }) => id)).toEqual([2])
  expect(placesOf([{ environment: 'production' }, { environment: 'test' }, { environment: 'production' }])).toEqual(['production', 'test'])
})
