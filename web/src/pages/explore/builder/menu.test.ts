import { expect, test } from 'vitest'
import type { GraphiteFunction } from '../../../api/types.ts'
import { appliable, choices } from './menu.ts'

const one = (name: string, group: string, description = '', type = 'seriesList'): GraphiteFunction => ({ name, group, description, function: `${name}()`, params: [{ name: 'x', type }] })
const all = [one('sumSeries', 'Combine', 'Adds up.'), one('scale', 'Transform', 'Times a factor.'), one('scaleToSeconds', 'Transform', 'Per second.'), one('constantLine', 'Special', '', 'float')]

test('only what can be applied to series', () => expect(appliable(all).map(({ name }) => name)).toEqual(['sumSeries', 'scale', 'scaleToSeconds']))

test('grouped without words, ranked with', () => {
  expect(choices(all, '').map(({ name }) => name)).toEqual(['Combine', 'Special', 'Transform'])
  const names = (text: string) => choices(all, text).flatMap(({ functions }) => functions.map(({ name }) => name))
  expect(names('scale')).toEqual(['scale', 'scaleToSeconds'])
  expect(names('second')).toEqual(['scaleToSeconds'])
  expect(names('adds')).toEqual(['sumSeries'])
  expect(names('combine sum')).toEqual(['sumSeries'])
  expect(names('nothing like it')).toEqual([])
})
