import { expect, test } from 'vitest'
import { panelOf } from './panels.ts'

test('a panel is called by what it draws, in one line, unless that is too long', () => {
  expect(panelOf(['host.web1.load.1m', 'sum(\n  a.b,\tc\n)'])).toBe('panel:host.web1.load.1m sum( a.b, c )')
  expect(panelOf(['ü'.repeat(509)])).not.toBeNull()
  expect(panelOf(['ü'.repeat(510)])).toBeNull()
})
