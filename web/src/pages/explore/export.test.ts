import { expect, test } from 'vitest'
import type { Line } from '../../plain/lines.ts'
import { exported, fileName, hex, type Screen } from './export.ts'

const line = (name: string, values: (number | null)[] = [1, 2, 3]): Line => ({ name, target: 0, step: 1, width: 1, start: 0, values, low: null, high: null, known: null })
const screen = (more: Partial<Screen> = {}): Screen => ({
  targets: ['a.*'], only: [], back: null, earlier: 'a week earlier', window: { from: 100.4, to: 200.2 }, zone: 'UTC', lines: [line('a.b'), line('a.c')],
  styles: [{ colour: 0, dash: [] }, { colour: 1, dash: [] }], shown: null, look: { unit: null, log: false, stack: false }, title: 'a.*', width: 800.4, height: 340,
  colours: { text: 'rgb(23, 26, 32)', surface: 'rgb(255, 255, 255)', grid: 'rgb(1, 2, 3)', series: ['rgb(47, 102, 196)', 'rgb(168, 51, 127)'] }, ...more,
})

test('a picture of what is on screen', () => {
  const asked = Object.fromEntries(exported(screen(), 'png'))
  expect(asked).toMatchObject({
    target: 'a.*', from: '100', until: '201', tz: 'UTC', format: 'png', width: '800', height: '340', title: 'a.*', bgcolor: 'ffffff', fgcolor: '171a20', colorList: '2f66c4,a8337f', hideLegend: 'false', yMin: '0',
  })
  for (const absent of ['areaMode', 'logBase', 'lineMode', 'vtitle']) expect(asked).not.toHaveProperty(absent)
})

test('log, stack, units, and lines of a slow rhythm', () => {
  const slow = line('a.b', [1, null, null, 2, null, null, 3])
  expect(Object.fromEntries(exported(screen({ lines: [slow], look: { unit: 'B', log: true, stack: false } }), 'svg'))).toMatchObject({ logBase: '10', yUnitSystem: 'binary', vtitle: 'B', lineMode: 'connected' })
  expect(exported(screen({ look: { unit: null, log: false, stack: true } }), 'svg').get('areaMode')).toBe('stacked')
})

test('the overlay goes along; a table has it without dashes', () => {
  expect(exported(screen({ back: '7d' }), 'png').getAll('target')).toEqual(['a.*', "aliasSub(dashed(timeShift(a.*,'7d'),4),'^dashed\\(timeShift\\((.*), .*\\), 4\\)$','\\1, a week earlier')"])
  const table = exported(screen({ back: '7d' }), 'csv')
  expect(table.getAll('target')).toEqual(['a.*', "timeShift(a.*,'7d')"])
  expect(table.has('width')).toBe(false)
})

test('isolated lines alone, whatever their names are', () => {
  const asked = exported(screen({ only: ["f(a.b,'x')"], shown: [1] }), 'png')
  expect(asked.get('target')).toBe(`grep(a.*,"^(f\\(a\\.b,'x'\\))$")`)
  expect(asked.get('colorList')).toBe('a8337f')
  expect(exported(screen({ only: [`it's "so"`] }), 'csv').get('target')).toBe(`grep(a.*,'^(it.s "so")$')`)
})

test('names of files, colours', () => {
  expect(fileName(screen({ targets: ["alias(a.*,'x y')"] }), 'svg')).toBe('alias-a.-x-y-1970-01-01T000321Z.svg')
  expect(fileName(screen({ targets: ['***'] }), 'csv')).toBe('graph-1970-01-01T000321Z.csv')
  expect(hex('rgba(0, 128, 255, 0.5)')).toBe('0080ff')
})
