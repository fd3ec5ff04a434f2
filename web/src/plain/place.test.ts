import { expect, test } from 'vitest'
import { addressOf, frozen, placeOf } from './place.ts'

const at = (address: string) => placeOf(new URL(address, 'http://localhost'))

test.each([
  '/',
  '/explore?from=-1h&to=now&q=sumSeries(stats.uploads.*.failed)&z=utc',
  '/explore?from=1699990000&to=1699993600&q=a.b&q=alias(c,"x+y+%26")&sel=1699990100..1699990200&vs=1w&log=1',
  '/data?under=stats.timers',
  '/explore?q=a%3Bhost%3Dweb1',
  '/nowhere?x=1',
])('round trip %s', (address) => {
  const place = at(address)
  expect(placeOf(new URL(addressOf(place), 'http://localhost'))).toEqual(place)
})

test('an address is short and readable', () => {
  expect(addressOf(at('/explore?q=scale(a.*,%202)'))).toBe('/explore?q=scale(a.*,+2)')
})

test('nonsense in the URL falls back to the habit of the page', () => {
  expect(at('/?from=soon').span).toBeNull()
  expect(at('/?from=now&to=-1h').span).toBeNull()
  expect(at('/explore?sel=9..3').selection).toBeNull()
  expect(at('/?z=mars').zone).toBeNull()
  expect(at('/explore/').page).toBe('explore')
  expect(at('/nowhere').page).toBe('unknown')
})

test('frozen is absolute, in whole seconds', () => {
  expect(frozen(at('/explore?from=-1h&to=now'), { from: 100.2, to: 200.7 }).span).toEqual({ from: '100', to: '201' })
})
