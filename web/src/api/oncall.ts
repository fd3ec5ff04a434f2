/** Who is on call when: answers as they come over the wire, and the calls. */
import { ask, confirmed, query } from './client.ts'
import type { PageItem } from './types.ts'

/** A time in which nothing changes. `person` null: nobody is on call. `end` null: not within 60 days. */
export type Shift = { start: number; end: number | null; person: string | null; layer: number | null; override: number | null; instead_of: string | null }
export type Gap = { start: number; end: number }
/** A turn of somebody who is away then, by their own calendar. */
export type Clash = { person: string; start: number; end: number; stand_ins: string[]; has_gap: boolean }
export type OnCallNow = { name: string; time_zone: string; current: Shift; next: Shift | null; gaps: Gap[]; gap_seconds: number; clashes: Clash[]; may_be_empty: boolean; warnings: string[] }
export type OnCallAnswer = { now: number; schedules: OnCallNow[] }
export type ShiftsAnswer = { now: number; from: number; until: number; shifts: Shift[]; layers: { name: string; shifts: Shift[] }[] }
export type Override = { id: number; schedule: string; person: string; in_place_of: string | null; start: number; until: number; made_by: string; made_at: number; note: string }
export type NewOverride = { schedule: string; person?: string; in_place_of?: string; start?: number; until: number; note: string }

export const onCall = (signal?: AbortSignal) => ask<OnCallAnswer>('/api/v1/oncall', { signal })
export const shifts = (name: string, from: number, until: number, signal?: AbortSignal) => ask<ShiftsAnswer>(`/api/v1/schedules/${encodeURIComponent(name)}/shifts?${query({ from: Math.floor(from), until: Math.ceil(until) })}`, { signal })
export const overrides = async (signal?: AbortSignal) => (await ask<{ overrides: Override[] }>('/api/v1/overrides', { signal })).overrides
export const override = (made: NewOverride) => ask<Override>('/api/v1/overrides', { method: 'POST', body: made })
export const endOverride = (id: number) => ask<unknown>(`/api/v1/overrides/${id}`, { method: 'DELETE' })

/** Somebody asks that another stands in. `accepted_by` null: nobody has yet. */
export type Cover = { id: number; schedule: string; person: string; from: number; until: number; note: string; made_by: string; made_at: number; accepted_by: string | null; override: number | null }
export const covers = async (signal?: AbortSignal) => (await ask<{ covers: Cover[] }>('/api/v1/cover', { signal })).covers
export const askCover = (wanted: { schedule: string; person?: string; from?: number; until: number; note: string }) => ask<Cover>('/api/v1/cover', { method: 'POST', body: wanted })
export const acceptCover = (id: number) => ask<Cover>(`/api/v1/cover/${id}/accept`, { method: 'POST', body: {} })
export const withdrawCover = (id: number) => ask<unknown>(`/api/v1/cover/${id}`, { method: 'DELETE' })

export type Feed = { id: number; person: string | null; schedule: string | null; made_by: string; made_at: number }
export const feeds = async (signal?: AbortSignal) => (await ask<{ calendars: Feed[] }>('/api/v1/oncall/calendars', { signal })).calendars
/** `path` is told this once. */
export const makeFeed = (of: { schedule?: string }) => ask<{ id: number; path: string }>('/api/v1/oncall/calendars', { method: 'POST', body: of })
export const removeFeed = (id: number) => ask<unknown>(`/api/v1/oncall/calendars/${id}`, { method: 'DELETE' })

export type PolicyStep = { notify: string[]; wait: string; round_robin?: boolean; if_time?: string; only_if?: string }
export type Policy = { name: string; origin: string; made_by: string | null; definition: { repeat: number; ack_timeout?: string; step: PolicyStep[] }; warnings: string[] }
export const policies = async (signal?: AbortSignal) => (await ask<{ policies: Policy[] }>('/api/v1/escalation-policies', { signal })).policies

/** What would happen if this went bad then and nobody acknowledged. */
export type Rehearsal = { monitor: string; host: boolean; at: number; state: string; policy: string | null; policy_why: string | null; by_own_rules: string[]; moments: { at: number; after: number; calls: { contact: string; channel: string; event: string }[]; said: string[] }[]; goes_on: boolean }
export const rehearse = (monitor: string, at: number | null, state: string | null, signal?: AbortSignal) => ask<Rehearsal>(`/api/v1/oncall/rehearsal?${query({ monitor, at: at === null ? null : Math.floor(at), state })}`, { signal })

/** What became of the latest tests of a contact, the newest first. */
export type Tests = { contact: string; pages: PageItem[] }
const testOf = (name: string) => `/api/v1/contacts/${encodeURIComponent(name)}/test`
export const tests = (name: string, signal?: AbortSignal) => ask<Tests>(testOf(name), { signal })
export const tryContact = (name: string) => ask<Tests>(testOf(name), { method: 'POST' })

/** With the keys of a `[[schedule]]`. `calendar`: its turns stand in one, which is shown to nobody. */
export type LayerDefinition = { name?: string; people: string[]; rotation: string; start: string; handoff: string; restrictions: string[]; advance: 'calendar' | 'worked'; time_zone?: string; end?: string; calendar?: string }
export type ScheduleDefinition = { name: string; time_zone: string; may_be_empty: boolean; layer: LayerDefinition[] }
/** `origin`: `file:line`, or `ui`. */
export type DefinedSchedule = { name: string; origin: string; made_by: string | null; definition: ScheduleDefinition; warnings: string[] }
const scheduleAt = (name: string) => `/api/v1/schedules/${encodeURIComponent(name)}`
export const schedules = async (signal?: AbortSignal) => (await ask<{ schedules: DefinedSchedule[] }>('/api/v1/schedules', { signal })).schedules
export const saveSchedule = (of: ScheduleDefinition) => ask<DefinedSchedule>(scheduleAt(of.name), { method: 'PUT', body: of })
export const removeSchedule = (name: string, meant: boolean) => ask<unknown>(scheduleAt(name) + confirmed(meant), { method: 'DELETE' })
/** Who would be on call in the next 30 days. Nothing is changed. */
export const previewSchedule = (of: ScheduleDefinition, signal?: AbortSignal) => ask<ShiftsAnswer>('/api/v1/oncall/preview', { method: 'POST', body: of, signal })

export type PolicyDefinition = { name: string } & Policy['definition']
const policyAt = (name: string) => `/api/v1/escalation-policies/${encodeURIComponent(name)}`
export const savePolicy = (of: PolicyDefinition) => ask<Policy>(policyAt(of.name), { method: 'PUT', body: of })
export const removePolicy = (name: string, meant: boolean) => ask<unknown>(policyAt(name) + confirmed(meant), { method: 'DELETE' })
/** A file for `conf.d` with the schedules, policies and teams that were made here. */
export const EXPORT = '/api/v1/oncall/export'
