/** By what people are reached: the answer as it comes over the wire, and the calls. */
import { ask } from './client.ts'

/** `origin` null: it is there without a definition. `settings`: as written, secrets as `(hidden)`. */
export type Channel = { name: string; type: string; origin: string | null; settings: Record<string, unknown>; contacts: string[]; waiting: number; last_success: number | null; last_trouble: ChannelTrouble | null }
/** `in_a_row`: so many tries have failed since, 0: it is over. `off`: the receiver wants no more. */
export type ChannelTrouble = { at: number | null; why: string; in_a_row: number; off: boolean }

export const channels = async (signal?: AbortSignal) => (await ask<{ channels: Channel[] }>('/api/v1/channels', { signal })).channels
export const testChannel = (channel: string, contact: string) => ask<unknown>(`/api/v1/contacts/${encodeURIComponent(contact)}/test?channel=${encodeURIComponent(channel)}`, { method: 'POST' })
