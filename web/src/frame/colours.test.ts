import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { contrast, distance, SIGHTS } from '../plain/vision.ts'

const css = readFileSync(new URL('../theme.css', import.meta.url), 'utf8')
const tokens = (theme: 0 | 1) =>
  Object.fromEntries([...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);/g)].map((m) => [m[1], m[2 + theme]]))

const STATES = ['ok', 'warning', 'critical', 'unknown', 'silent']
const SURFACES = ['ground', 'surface', 'raised', 'sunken', 'hover', 'accent-soft']
const SERIES = [0, 1, 2, 3, 4, 5].map((index) => `series-${index}`)
const pairs = (names: string[]) => names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const))

describe.each([['light', 0], ['dark', 1]] as const)('%s', (_, theme) => {
  const colour = tokens(theme)

  test('text is readable on every surface (4.5:1)', () => {
    for (const text of ['text', 'muted', 'accent']) for (const surface of SURFACES) {
      expect(contrast(colour[text], colour[surface]), `${text} on ${surface}`).toBeGreaterThanOrEqual(4.5)
    }
    expect(contrast(colour['on-accent'], colour.accent)).toBeGreaterThanOrEqual(4.5)
  })

  test('marks, lines and borders of fields stand out from what they lie on (3:1), whoever looks', () => {
    for (const mark of [...STATES, ...SERIES]) for (const surface of ['ground', 'surface', 'raised']) for (const sight of SIGHTS) {
      expect(contrast(colour[mark], colour[surface], sight), `${mark} on ${surface}, ${sight}`).toBeGreaterThanOrEqual(3)
    }
    expect(contrast(colour['line-strong'], colour.surface)).toBeGreaterThanOrEqual(3)
  })

  test('states can be told apart by colour alone, whoever looks (shape and word come on top)', () => {
    for (const [a, b] of pairs(STATES.slice(0, 4))) for (const sight of SIGHTS) {
      expect(distance(colour[a], colour[b], sight), `${a} and ${b}, ${sight}`).toBeGreaterThanOrEqual(0.09)
    }
  })

  test('series can be told apart, and none looks like a state that alarms', () => {
    for (const [a, b] of pairs(SERIES)) for (const sight of SIGHTS) {
      expect(distance(colour[a], colour[b], sight), `${a} and ${b}, ${sight}`).toBeGreaterThanOrEqual(0.06)
    }
    for (const series of SERIES) for (const state of ['ok', 'warning', 'critical']) {
      expect(distance(colour[series], colour[state]), `${series} and ${state}`).toBeGreaterThanOrEqual(0.1)
    }
  })
})
