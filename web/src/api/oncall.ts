/** Who is on call when: answers as they come over the wire, and the calls. */
import { ask, query } from './client.ts'

/** A time in which nothing changes. `person` null: nobody is on call. `end` null: not within 60 days. */
export type Shift = { start: number; end: number | null; person: string | null; layer: number | null; override: number | null; instead_of: string | null }
export type Gap = { start: number; end: number }
export type OnCallNow = { name: string; time_zone: string; current: Shift; next: Shift | null; gaps: Gap[]; gap_seconds: number; may_be_empty: boolean; warnings: string[] }
export type OnCallAnswer = { now: number; schedules: OnCallNow[] }
export type ShiftsAnswer = { now: number; from: number; until: number; shifts: Shift[]; layers: { name: string; shifts: Shift[] }[] }
export type Override = { id: number; schedule: string; person: string; in_place_of: string | null; start: number; until: number; made_by: string; made_at: number; note: string }
export type NewOverride = { schedule: string; person?: string; in_place_of?: string; start?: number; until: number; note: string }

export const onCall = (signal?: AbortSignal) => ask<OnCallAnswer>('/api/v1/oncall', { signal })
export const shifts = (name: string, from: number, until: number, signal?: AbortSignal) => ask<ShiftsAnswer>(`/api/v1/schedules/${encodeURIComponent(name)}/shifts?${query({ from: Math.floor(from), until: Math.ceil(until) })}`, { signal })
export const overrides = async (signal?: AbortSignal) => (await ask<{ overrides: Override[] }>('/api/v1/overrides', { signal })).overrides
export const override = (made: NewOverride) => ask<Override>('/api/v1/overrides', { method: 'POST', body: made })
export const endOverride = (id: number) => ask<unknown>(`/api/v1/overrides/${id}`, { method: 'DELETE' })
