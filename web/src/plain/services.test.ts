import { expect, test } from 'vitest'
import type { ServiceItem } from '../api/types.ts'
import { culprit, spokenOf, worstFirst } from './services.ts'

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
