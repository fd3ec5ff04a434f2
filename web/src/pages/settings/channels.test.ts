import { expect, test } from 'vitest'
import { settingsOf } from './channels.ts'

const said = (settings: Record<string, unknown>) => settingsOf({ settings })

test('what is written of a channel is one line, however long it is', () => {
  expect(said({})).toBe('')
  expect(said({ server: 'mail:25', to: ['a@b.example', 'c@d.example'], mails_a_minute: 60, password: '(hidden)' })).toBe('server mail:25, to a@b.example c@d.example, mails_a_minute 60, password (hidden)')
  expect(said({ template: '{\n  "text": 1\n}' })).toBe('template {…')
  expect(said({ template: 'x'.repeat(200) })).toBe(`template ${'x'.repeat(80)}…`)
})
