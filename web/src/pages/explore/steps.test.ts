import { expect, test } from 'vitest'
import { noSteps, redone, stepped, undone } from './steps.ts'

test('there and back again; typing is one step; a new change ends the future', () => {
  let steps = stepped(noSteps<string>(), 'a', false)
  steps = stepped(steps, 'b', true)
  steps = stepped(steps, 'bc', true)
  expect(steps.past).toEqual(['a', 'b'])
  const once = undone(steps, 'bcd')!
  expect(once.then).toBe('b')
  const twice = undone(once.steps, once.then)!
  expect(twice.then).toBe('a')
  expect(undone(twice.steps, 'a')).toBeNull()
  const again = redone(twice.steps, 'a')!
  expect(again.then).toBe('b')
  expect(redone(again.steps, 'b')!.then).toBe('bcd')
  expect(stepped(again.steps, 'b', false).future).toEqual([])
})
