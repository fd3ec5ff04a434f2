import { expect, test } from 'vitest'
import { firstSentence, plainText } from './help.ts'

test('one plain sentence of the help', () => {
  expect(firstSentence('Short form: sum()\n\nAdds up. Then more.\n\nExample:\n\n.. code-block:: none\n\n  &target=x')).toBe('Short form: sum() Adds up.')
  expect(firstSentence('Takes ``x`` of a')).toBe('Takes x of a')
  expect(firstSentence('')).toBe('')
  expect(plainText('See :func:`sum`.\n\nExample:\nno')).toBe('See sum.')
})
