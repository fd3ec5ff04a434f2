import { expect, test } from 'vitest'
import type { Text } from '../../../api/learning.ts'
import { hintsAt, maskedTitle, nextLine, replayWindow, same } from './model.ts'

const text = (change: Partial<Text> = {}): Text => ({ title: 'a', regret: '', reason: '', remedy: '', timeline: [{ at: 5, role: 'monitoring', words: 'x', hidden: false }], redact: [], keep: [], ...change })

test('what was written is the same whatever the order of its keys, and another when a line is hidden', () => {
  const { title, ...rest } = text()
  expect(same(text(), { ...rest, title })).toBe(true)
  expect(same(text(), text({ timeline: [{ at: 5, role: 'monitoring', words: 'x', hidden: true }] }))).toBe(false)
})

test('a new line stands where the last one is; hints stand where they belong', () => {
  expect(nextLine(text().timeline, 99.5)).toEqual({ at: 5, role: 'monitoring', words: '', hidden: false })
  expect(nextLine([], 99.5)).toEqual({ at: 99, role: '', words: '', hidden: false })
  const wording = [{ place: 'reason', found: 'human error', instead: 'y' }, { place: 'timeline 3', found: 'forgot', instead: 'z' }]
  expect([hintsAt(wording, 'reason').length, hintsAt(wording, 'timeline 3').length, hintsAt(wording, 'timeline')]).toEqual([1, 1, []])
})

test('a title of which something was taken out says nothing to others', () => {
  const page = (title: string) => [{ tag: 'h1' as const, text: title }, { tag: 'p' as const, text: 'the [internal] was full' }]
  expect(maskedTitle(page('[internal] is CRITICAL'))).toBe('[internal] is CRITICAL')
  for (const gone of ['[address]', '[telephone]', '[secret]']) expect(maskedTitle(page(gone))).toBe(gone)
  expect([maskedTitle(page('Uploads failed [for an hour]')), maskedTitle([])]).toEqual([null, null])
})

test('a rule for what was missed is tried on the hour before it and on all of it', () => {
  expect(replayWindow({ began: 10_000, ended: 12_000 }, 50_000)).toEqual({ from: 6400, to: 12_000 })
  expect(replayWindow({ began: 10_000, ended: null }, 50_000)).toEqual({ from: 6400, to: 50_000 })
})
