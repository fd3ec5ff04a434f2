import { expect, test } from 'vitest'
import { readable, readableIn, spelledOut } from './readable.ts'

test('what turns a text round is seen; what belongs to a language stays', () => {
  expect(readable('photo_\u202egpj.exe')).toBe('photo_[U+202E]gpj.exe')
  expect(readable({ a: ['x\u202dy', 7, null], 'k\u202c': { b: true } })).toEqual({ a: ['x[U+202D]y', 7, null], 'k[U+202C]': { b: true } })
  const hebrew = 'שלום\u200f \u2068web\u2069'
  expect(readable(hebrew)).toBe(hebrew)
  const event = { 'k\u202e': ['x\u202dy', hebrew] }
  expect(spelledOut(event)).not.toMatch(/[\u202a-\u202e]/)
  expect(JSON.parse(spelledOut(event))).toEqual(event)
  expect(readableIn({ title: 'a\u202e', release: 'b\u202e' }, 'title')).toEqual({ title: 'a[U+202E]', release: 'b\u202e' })
})
