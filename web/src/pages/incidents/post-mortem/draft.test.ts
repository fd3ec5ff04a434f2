import { expect, test } from 'vitest'
import { keep, recall } from './draft.ts'

function aStorage() {
  const kept = new Map<string, string>()
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value), removeItem: (key: string) => void kept.delete(key), kept }
}
const text = { title: 'a', regret: 'b', reason: '', remedy: '', timeline: [], redact: [], keep: [] }

test('a draft is found again by its post-mortem, and gone when it is saved', () => {
  const storage = aStorage()
  keep(3, { version: 2, text }, storage)
  expect([recall(3, storage), recall(4, storage)]).toEqual([{ version: 2, text }, null])
  keep(3, null, storage)
  expect(recall(3, storage)).toBeNull()
})

test('what is no draft is none; storage that refuses takes nothing with it', () => {
  const storage = aStorage()
  for (const wrong of ['{', '7', '{"version":1}', '{"version":"x","text":{"title":"a"}}', '{"version":1,"text":{"title":"a","timeline":4}}']) {
    storage.kept.set('draft of post-mortem 3', wrong)
    expect(recall(3, storage), wrong).toBeNull()
  }
  const refuses = () => { throw new Error('full') }
  expect(() => keep(3, { version: 1, text }, { setItem: refuses, removeItem: refuses })).not.toThrow()
})
