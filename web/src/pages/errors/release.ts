/** One release, worked out of what is told of it. Pure. */
import type { ErrorGroup, Series } from '../../api/errors.ts'

const HOUR_S = 3600
const HOURS = 24
/** As many bytes of a name as a part of a series has. */
const MOST_BYTES = 100

/** What a release is called in names of series: `web@1.2` is `web_1_2`. */
export const partOf = (release: string): string => release.replace(/[^A-Za-z0-9-]+/g, '_').replace(/^_/, '').slice(0, MOST_BYTES).replace(/_+$/, '')

/** In ten minutes each: a share of a second's few runs jumps. */
const inTenMinutes = (of: string, what: string) => `summarize(${of}.${what}.count,'10min','sum')`

/** How many of a hundred sessions of a project, or a release, did not crash. */
export const crashFreeOf = (of: string, name: string): string => `alias(offset(scale(divideSeries(${inTenMinutes(of, 'sessions_crashed')},${inTenMinutes(of, 'sessions')}),-100),100),'${name}')`

/** What is drawn of how its runs end. */
export function graphsOf(project: string, release: string): { crashFree: string; sessions: string } {
  const part = partOf(release)
  const of = `errors.${project}.releases.${part}`
  return { crashFree: crashFreeOf(of, part), sessions: `alias(${inTenMinutes(of, 'sessions')},'${part}')` }
}

/** Events of each of the last 24 hours, the present one last. */
export function hoursOf(series: Series[], now: number): number[] {
  const end = (Math.floor(now / HOUR_S) + 1) * HOUR_S
  const hours = Array.from({ length: HOURS }, () => 0)
  for (const [at, count] of series.flatMap(({ points }) => points)) {
    const hour = HOURS - 1 - Math.floor((end - 1 - at) / HOUR_S)
    if (hour >= 0 && hour < HOURS) hours[hour] += count
  }
  return hours
}

/** Of those that were seen in it the ones that came back since it was there, and did not begin in it. */
export const backIn = (groups: ErrorGroup[], release: string, first: number): ErrorGroup[] => groups.filter(({ regressed_at, release_first }) => regressed_at != null && regressed_at >= first && release_first !== release)

/** The newest of each environment: where it runs. */
export const placesOf = (deployed: { environment: string }[]): string[] => [...new Set(deployed.map(({ environment }) => environment))]
