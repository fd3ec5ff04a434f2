/** What people say of a monitor, a panel, an error group or a playbook, and whom they may name in it: answers as they come over the wire, and the calls. */
import { ask, query } from './client.ts'

export type Comment = { id: string; by: string; at: number; text: string }
/** `not_paged`: whom it names in vain, each with why. */
export type Commented = Comment & { not_paged: string[] }

/** `on`: `monitor:NAME`, `host:NAME`, `playbook:NAME`, `panel:ID`, `group:ID`. */
const at = (on: string) => `/api/v1/comments?${query({ on })}`
export const comments = async (on: string, signal?: AbortSignal) => (await ask<{ comments: Comment[] }>(at(on), { signal })).comments
export const comment = (on: string, text: string) => ask<Commented>(at(on), { method: 'POST', body: { text } })
export const removeComment = (id: string) => ask<unknown>(`/api/v1/comments/${encodeURIComponent(id)}`, { method: 'DELETE' })

export const contacts = async (signal?: AbortSignal) => (await ask<{ contacts: { name: string }[] }>('/api/v1/contacts', { signal })).contacts.map(({ name }) => name)
