/** Deploys among marks in time. Pure. */
import type { Annotation } from '../api/types.ts'

/** What sentry-cli tells of a deploy is marked as `web@1.4.3 deployed to production`, with the names of its projects behind `deploy`. null: another mark. */
export function releaseOf({ what, tags }: Pick<Annotation, 'what' | 'tags'>): { project: string; release: string } | null {
  const release = /^(.+) deployed to .+$/.exec(what)?.[1]
  const [first, project] = tags
  return first === 'deploy' && project !== undefined && release !== undefined ? { project, release } : null
}
