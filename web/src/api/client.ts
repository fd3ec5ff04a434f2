/** One way to ask the server: with a time limit, and with errors that say what failed and how to mend it. */

export const PATIENCE_MS = 20_000

export class Trouble extends Error {
  readonly status: number
  readonly hint: string | null
  constructor(status: number, message: string, hint: string | null) {
    super(message)
    this.status = status
    this.hint = hint
  }
  /** The server could not be reached or did not answer in time. */
  get away(): boolean {
    return this.status === 0
  }
}

type Asked = { method?: string; body?: unknown; signal?: AbortSignal }

let onSignedOut = () => {}
/** Whoever shows the sign-in page wants to know that a session ended. */
export function whenSignedOut(listener: () => void) {
  onSignedOut = listener
}

export async function ask<T>(path: string, { method = 'GET', body, signal }: Asked = {}): Promise<T> {
  const limit = AbortSignal.timeout(PATIENCE_MS)
  const answer = await reach(path, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: body === undefined ? undefined : { 'content-type': 'application/json' },
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  })
  if (answer.status === 204) return undefined as T
  if (answer.ok) {
    // Graphite's own paths say nothing where there is nothing to say.
    const text = await answer.text()
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  if (answer.status === 401 && path !== '/api/v1/session') onSignedOut()
  throw await troubleOf(answer)
}

/** A file, made by a POST: as many targets as one likes. Drawing may take longer than an answer for a page. */
export async function fetchFile(path: string, form: URLSearchParams, patience = 60_000): Promise<Blob> {
  const answer = await reach(path, { method: 'POST', body: form, signal: AbortSignal.timeout(patience) })
  if (answer.ok) return answer.blob()
  if (answer.status === 401) onSignedOut()
  throw await troubleOf(answer)
}

async function reach(path: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(path, options)
  } catch (error) {
    if (options.signal?.aborted && (options.signal.reason as Error)?.name === 'AbortError') throw error
    const late = (error as Error).name === 'TimeoutError'
    throw new Trouble(0, late ? 'timeout' : 'unreachable', null)
  }
}

async function troubleOf(answer: Response): Promise<Trouble> {
  const text = await answer.text().catch(() => '')
  try {
    const { error, hint } = JSON.parse(text) as { error?: string; hint?: string }
    return new Trouble(answer.status, error ?? answer.statusText, hint ?? null)
  } catch {
    return new Trouble(answer.status, text.slice(0, 200) || answer.statusText, null)
  }
}

/** What pages depend on is removed only by who says so. */
export const confirmed = (meant: boolean): string => (meant ? '?confirmed=true' : '')

export function query(parameters: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== '')
  return pairs.map(([key, value]) => `${key}=${encodeURIComponent(value as string | number)}`).join('&')
}
