/** Which silences hold back what. Pure. */
import type { Silence } from '../api/types.ts'

/** What is watched: a monitor or check by its name, the host that it is or is on. */
export type About = { monitor: string | null; host: string | null }

/** A pattern as the server reads it: `*`, `?`, `[a-z]`, `{a,b}`. */
export function matches(pattern: string, name: string): boolean {
  const source = pattern.replace(/[.+^$()|\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.').replace(/\{/g, '(?:').replace(/\}/g, ')').replace(/,/g, '|')
  try {
    return new RegExp(`^(?:${source})$`, 's').test(name)
  } catch {
    return pattern === name
  }
}

/** Those that hold back any of it; one of a single instance is told too. */
export function silencesOf(all: Silence[], { monitor, host }: About, now: number): Silence[] {
  const fits = (pattern: string | null, name: string | null) => pattern === null || (name !== null && matches(pattern, name))
  return all.filter(({ until, matchers }) => until > now && matchers.some((one) => fits(one.monitor, monitor) && fits(one.host, host)))
}
