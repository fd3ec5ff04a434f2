import { expect, test } from 'vitest'
import { moved, read, rounded, scaled, write } from './condition.ts'

test.each(['> 300', '< -0.5', 'outside 10..20', 'inside -1.5..2.5', 'avg over 5min > 3', 'avg over 1h < 2000', 'no point for 60s', 'change over 1h > ±20%', 'reaches 95 within 24h'])('%s is a sentence', (text) => {
  expect(write(read(text)!)).toBe(text)
})

test.each([['>300', '> 300'], ['value > 3', '> 3'], ['average over 300s > 3', 'avg over 300s > 3'], ['avg over 5m > 3', 'avg over 5min > 3'], ['no data for 2h', 'no point for 2h'], ['OUTSIDE 10 .. 20', 'outside 10..20']])('%s is read as %s', (text, wanted) => {
  expect(write(read(text)!)).toBe(wanted)
})

test.each(['> 1 and < 3', 'p95 over 1h > 2', 'builds / pushes < 10%', '>= 3', '10:20', '', 'top 3'])('%s stays text', (text) => expect(read(text)).toBeNull())

test('stricter fires more, calmer less', () => {
  expect(write(moved(read('> 300')!, 'stricter', null))).toBe('> 270')
  expect(write(moved(read('> 300')!, 'calmer', null))).toBe('> 330')
  expect(write(moved(read('< 300')!, 'stricter', null))).toBe('< 330')
  expect(write(moved(read('outside 10..20')!, 'stricter', null))).toBe('outside 12..18')
  expect(write(moved(read('outside 10..11')!, 'stricter', null))).toBe('outside 10..11')
  expect(write(moved(read('no point for 60s')!, 'stricter', null))).toBe('no point for 30s')
  expect(write(moved(read('> 0')!, 'calmer', { min: 0, max: 50 }))).toBe('> 5')
})

test('lengths and numbers stay short', () => {
  expect(scaled('90min', 2)).toBe('3h')
  expect(scaled('1s', 0.5)).toBe('1s')
  expect(scaled('1w', 2)).toBe('14d')
  expect(rounded(1234.5678)).toBe(1230)
})
