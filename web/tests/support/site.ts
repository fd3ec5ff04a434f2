/** A small site that somebody visits: numbers that wander, a provider that fails now and then. The same each time. */
import type { Server } from './server.ts'

const VIEWS = ['index', 'checkout', 'search', 'login']
const PROVIDERS = ['box', 'dropbox', 'gdrive', 's3']
const BEAT_MS = 250
const BATCH_MS = 1000

/** Begins to send; call what it gives back to end. */
export function busy(server: Server): () => void {
  let beat = 0
  let over = false
  // What is on its way when the visit ends may find nobody there.
  const send = (sent: Promise<void>) => void sent.catch((error) => { if (!over) throw error })
  const fast = setInterval(() => send(server.statsd(...packets(beat++))), BEAT_MS)
  const slow = setInterval(() => send(server.carbon(batch(beat))), BATCH_MS)
  return () => {
    over = true
    clearInterval(fast)
    clearInterval(slow)
  }
}

/** Slow and quick waves on top of each other, between 0 and 1. */
const wave = (beat: number, phase: number) => 0.5 + 0.3 * Math.sin(beat / 37 + phase) + 0.2 * Math.sin(beat / 5.3 + 2 * phase)
const some = (beat: number, phase: number, most: number) => Math.round(most * wave(beat, phase) + ((beat * 7919 + phase * 31) % 3))

function packets(beat: number): string[] {
  const timers = VIEWS.flatMap((view, i) => [40, 60, 75].map((base) => `view.${view}:${Math.round(base + i * 30 + 40 * wave(beat, i))}|ms`))
  const uploads = PROVIDERS.flatMap((provider, i) => [`uploads.${provider}.completed:${some(beat, i, 6)}|c`, `uploads.${provider}.failed:${provider === 'gdrive' && beat % 240 > 190 ? 6 : 0}|c`])
  const shop = [`orders.placed:${some(beat, 1, 4)}|c`, `payments.card:${some(beat, 2, 3)}|c`, `payments.latency:${Math.round(180 + 160 * wave(beat, 4))}|ms`, `signups.completed:${(beat * 2654435761) % 4294967296 < 4e8 ? 1 : 0}|c`]
  const inside = [
    `queue.pending:${some(beat, 3, 40)}|g`, `cache.hits:${some(beat, 5, 60)}|c`, `cache.misses:${some(beat, 6, 9)}|c`,
    `jobs.mail.duration:${Math.round(30 + 50 * wave(beat, 7))}|ms`, `search.latency:${Math.round(20 + 70 * wave(beat, 8))}|ms`, `visitors:${['ana', 'ben', 'cem', 'dia'][beat % 4]}|s`,
  ]
  return [timers, uploads, shop, inside].map((lines) => lines.join('\n'))
}

/** What an older program writes by itself. */
function batch(beat: number): string {
  const now = Math.floor(Date.now() / 1000)
  return `storage.store1.used_bytes ${4e12 + beat * 2e8} ${now}\nstorage.store1.files ${81_000 + some(beat, 9, 400)} ${now}\n`
}

/** Ten minutes of history for some of the names as Carbon lines, with a gap and a bad quarter. */
export function past(): string[] {
  const now = Math.floor(Date.now() / 1000)
  const lines: string[] = []
  for (let at = now - 600; at < now; at++) {
    if (at > now - 330 && at < now - 300) continue
    VIEWS.forEach((view, i) => lines.push(`stats.timers.view.${view}.upper_90 ${(70 + i * 30 + 15 * Math.sin(at / 50) + ((at * 7919) % 11)).toFixed(1)} ${at}`))
    PROVIDERS.forEach((provider, i) => lines.push(`stats.uploads.${provider}.failed ${provider === 'gdrive' && at % 300 > 220 ? 7 + ((at + i) % 4) : (at + i) % 40 === 0 ? 1 : 0} ${at}`))
  }
  return lines
}
