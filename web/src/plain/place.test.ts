import { expect, test } from 'vitest'
import { addressOf, frozen, pathOf, placeOf } from './place.ts'

const at = (address: string) => placeOf(new URL(address, 'http://localhost'))

test.each([
  '/',
  '/explore?from=-1h&to=now&q=sumSeries(stats.uploads.*.failed)&z=utc',
  '/explore?from=1699990000&to=1699993600&q=a.b&q=alias(c,"x+y+%26")&sel=1699990100..1699990200&vs=1w&log=1',
  '/data?under=stats.timers',
  '/explore?q=a%3Bhost%3Dweb1',
  '/nowhere?x=1',
  '/errors?project=3&status=ignored&find=401 from',
  '/monitors?show=noisy',
  '/monitors/web1%2Fdisk%20%2Fvar?edit=1',
])('round trip %s', (address) => {
  const place = at(address)
  expect(placeOf(new URL(addressOf(place), 'http://localhost'))).toEqual(place)
})

test('one thing of a list has its own page, whatever its name holds', () => {
  for (const name of ['web1/disk /var', 'a?b#c', '100 %', 'ünï']) expect(at(pathOf('monitors', name))).toMatchObject({ page: 'monitor', item: name })
  expect(at('/services/Shop')).toMatchObject({ page: 'service', item: 'Shop' })
  expect(at('/proof/3')).toMatchObject({ page: 'proof', item: '3' })
  expect(at('/incidents/42')).toMatchObject({ page: 'incidents', item: '42' })
  expect(at('/errors/7?event=ab')).toMatchObject({ page: 'errors', item: '7' })
  expect(at('/monitors/x?edit=1')).toMatchObject({ page: 'editor', item: 'x' })
  expect(at('/monitors?new=1')).toMatchObject({ page: 'editor', item: null })
  expect(at('/monitors')).toMatchObject({ page: 'monitors', item: null })
  expect(at('/monitors/a/b').page).toBe('unknown')
  expect(at('/explore/x').page).toBe('unknown')
  expect(at('/monitors/%E0%A4%A').page).toBe('unknown')
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
