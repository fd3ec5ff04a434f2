/** A channel in words. */
import type { Channel } from '../../api/channels.ts'

/** A template would fill the page: its beginning tells which one it is. */
const LONGEST = 80

/** `server mail.example.org:587, password (hidden)`: what is written, as it is written. */
export function settingsOf({ settings }: Pick<Channel, 'settings'>): string {
  return Object.entries(settings).map(([key, value]) => `${key} ${cut(Array.isArray(value) ? value.join(' ') : String(value))}`).join(', ')
}

function cut(text: string): string {
  const line = text.trim().split('\n')[0]!
  return line.length < text.trim().length || line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}
