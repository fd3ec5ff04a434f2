import { expect, test } from 'vitest'
import type { ServiceItem } from '../api/types.ts'
import { attainedText, blame, culprit, spokenOf, worstFirst } from './services.ts'

const service = (name: string, change: Partial<ServiceItem> = {}) => ({ name, state: 'OK', external: false, causes: [], ...change }) as ServiceItem

test('the worst of ours is spoken of first', () => {
  const all = [service('b'), service('pay', { state: 'CRITICAL', external: true }), service('a', { state: 'WARNING' }), service('c', { state: null })]
  expect(worstFirst(all).map(({ name }) => name)).toEqual(['pay', 'a', 'b', 'c'])
  expect(spokenOf(all)).toMatchObject({ first: { name: 'a' }, others: 1 })
  expect(spokenOf([all[0], all[1]])).toMatchObject({ first: { name: 'pay' }, others: 0 })
  expect(spokenOf([all[0], all[3]])).toBeNull()
})

test('what others run is named before what is ours', () => {
  const all = [service('db', { state: 'CRITICAL' }), service('cloud', { state: 'CRITICAL', external: true })]
  expect(culprit(service('shop', { causes: ['db', 'cloud'] }), all)?.name).toBe('cloud')
  expect(culprit(service('shop', { causes: ['db', 'gone'] }), all)?.name).toBe('db')
  expect(culprit(service('shop'), all)).toBeNull()
})

test('is it us or them?', () => {
  const pay = service('pay', { state: 'CRITICAL', external: true, fault: 'them' })
  const shop = service('shop', { state: 'CRITICAL', fault: 'them', causes: ['pay'] })
  const mail = service('mail', { state: 'WARNING', fault: 'us' })
  expect(blame([service('a'), service('b', { state: null })])).toBeNull()
  expect(blame([pay, shop])).toEqual({ us: [], them: ['pay'], suffers: ['shop'] })
  expect(blame([mail])).toEqual({ us: ['mail'], them: [], suffers: [] })
  expect(blame([mail, pay, shop])).toEqual({ us: ['mail'], them: ['pay'], suffers: ['shop'] })
  // What follows from something of ours is named there.
  expect(blame([mail, service('news', { state: 'CRITICAL', fault: 'us', causes: ['mail'] })])?.us).toEqual(['mail'])
})

test('what is not whole is not called so', () => {
  expect([100, 99.99999, 99.95, 0, 99.5049, 70.0099, 10].map(attainedText)).toEqual(['100\u202f%', '99.999\u202f%', '99.95\u202f%', '0\u202f%', '99.5\u202f%', '70\u202f%', '10\u202f%'])
})
