import { expect, test } from 'vitest'
import type { Judged, Proof } from '../../api/proof.ts'
import { fileName, oneFile, sleepers, toldAfter, verdictMark } from './model.ts'

const weight = (contacts: Record<string, number>) => ({ pages: 0, at_night: 0, nights_woken: 0, contacts: Object.fromEntries(Object.entries(contacts).map(([who, nights_woken]) => [who, { pages: 1, at_night: 1, nights_woken }])) })

test('whoever is woken most comes first, and who is woken by nothing any more sleeps', () => {
  const proof = {
    sent: weight({ ana: 9, ben: 9 }), would: weight({ ana: 2, cyd: 5 }), proposed: weight({ cyd: 1 }),
    slept: { ana: { sent: 21, would: 28, proposed: 30 }, ben: { sent: 21, would: 30, proposed: 30 }, cyd: { sent: 30, would: 25, proposed: 29 } },
  } as unknown as Proof
  expect(sleepers(proof).map((one) => [one.who, one.sent.woken, one.would, one.proposed.slept])).toEqual([
    ['cyd', 0, { slept: 25, woken: 5 }, 29], ['ana', 9, { slept: 28, woken: 2 }, 30], ['ben', 9, { slept: 30, woken: 0 }, 30],
  ])
})

test('somebody was told after, before, at once or never', () => {
  const label = { start: 1000 } as Judged
  expect([1240, 880, 1000, null].map((at) => toldAfter(label, at))).toEqual(['after 4\u202fmin', '2\u202fmin before', 'at once', 'nobody'])
})

test('what cannot be told is neither good nor bad', () => {
  const mark = (verdict: string) => verdictMark({ verdict } as Judged)
  expect(['same', 'later', 'missed', 'unknown'].map(mark)).toEqual(['ok', 'warning', 'critical', 'unknown'])
})

test('a change is a file', () => {
  expect(fileName('check:web/disk /var')).toBe('bellwether-check-web-disk-var.toml')
  expect(oneFile([{ toml: 'a = 1\n' }, { toml: '\nb = 2' }] as never)).toBe('a = 1\n\nb = 2\n')
})
