import { expect, test } from 'vitest'
import { counted, duration, formatted } from './number.ts'

const plain = (text: string) => text.replaceAll('\u202f', ' ')

test.each([
  [0, null, '0'],
  [null, null, '–'],
  [NaN, 'ms', '–'],
  [Infinity, null, '∞'],
  [41, null, '41'],
  [1.23456, null, '1.23'],
  [0.1, null, '0.1'],
  [9999, null, '9999'],
  [12345, null, '12.3 k'],
  [1_000_000, null, '1 M'],
  [-0.00042, null, '−0.00042'],
  [1e-12, null, '1.0e-12'],
  [1536, 'B', '1.5 KiB'],
  [1024 * 1024, 'B', '1 MiB'],
  [1023.9, 'B', '1 KiB'],
  [412, 'B/s', '412 B/s'],
  [38.25, '%', '38.3 %'],
  [0.00884, '%', '0.01 %'],
  [310, 'ms', '310 ms'],
  [1310, 'ms', '1.31 s'],
  [90, 's', '90 s'],
  [412, 'packets/s', '412 packets/s'],
] as const)('%s %s', (value, unit, wanted) => expect(plain(formatted(value, unit))).toBe(wanted))

test.each([
  [0.0000042, '4.2 µs'],
  [0.42, '420 ms'],
  [349, '5 min 49 s'],
  [300, '5 min'],
  [7199, '120 min'],
  [11_520, '3 h 12 min'],
  [7200, '2 h'],
  [172_800, '2 d'],
])('duration %d', (seconds, wanted) => expect(plain(duration(seconds))).toBe(wanted))

test('counts are whole and grouped', () => expect(plain(counted(1234567))).toBe('1 234 567'))
