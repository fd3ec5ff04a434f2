import { expect, test } from 'vitest'
import { releaseOf } from './deploy.ts'

test('a deploy that names its release leads to it; any other mark leads nowhere', () => {
  expect(releaseOf({ what: 'web@1.4.3 deployed to production', tags: ['deploy', 'web', 'jobs'] })).toEqual({ project: 'web', release: 'web@1.4.3' })
  expect(releaseOf({ what: 'deployed 4.2', tags: ['deploy', 'web'] })).toBeNull()
  expect(releaseOf({ what: 'web@1 deployed to production', tags: ['deploy'] })).toBeNull()
  expect(releaseOf({ what: 'web@1 deployed to production', tags: ['flip', 'web'] })).toBeNull()
})
