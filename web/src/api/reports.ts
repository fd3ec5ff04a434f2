/** The record of a time in figures: the answer as it comes over the wire, and the call. */
import { ask, query } from './client.ts'

/** In seconds. */
export type Figures = { count: number; mean: number; median: number; p95: number }
export type Dealing = {
  /** Those that count. */
  incidents: number
  left_out: { flapped: number; untold: number; not_production: number }
  paged: number
  self_healed: number
  open: number
  to_acknowledge: Figures | null
  to_recover: Figures | null
  between_failures: Figures | null
  failures: number
}
export type Month = { month: string; from: number; until: number; attained_percent: number | null; available_seconds: number; in_trouble_seconds: number; planned_seconds: number; unknown_seconds: number; outages: number; available_seconds_per_outage: number | null }
export type ReportedService = Dealing & { name: string; external: boolean; months: Month[] }
export type ReportedPerson = { name: string; pages: number; pages_per_week: number; lost: number; incidents: number; at_night: number; nights: number; acknowledged: number; tz: string }
export type Noisy = { reason: string; incidents: number; pages: number; self_healed: number; acknowledged: number; useful: number; useless: number; too_late: number }
export type Headroom = { kind: string; name: string; label: string; limit: number; of: string; worst: number; at: number; share: number; series: string }
export type ReportAnswer = Dealing & { now: number; from: number; until: number; tz: string; record_begins: number | null; services: ReportedService[]; people: ReportedPerson[]; noisiest: Noisy[]; headroom: Headroom[]; headroom_left_out: number }

/** Nights in which a page came; of one's own only, if one sees a part. */
export type NightsAnswer = { now: number; days: number; nights: number; people: { name: string; nights: number; at_night: number }[] }
export const nights = (signal?: AbortSignal) => ask<NightsAnswer>('/api/v1/nights?days=7', { signal })

export type OpenFollowUp = { id: number; post_mortem: number; what: string; owner: string; due: string; kind: 'task' | 'new_monitor'; late: boolean }
export type OpenFollowUps = { now: number; follow_ups: OpenFollowUp[]; late: number; more: boolean }

export type Table = 'summary' | 'services' | 'people' | 'noisiest' | 'headroom'
/** A month such as `2026-10`; null: the last 30 days. */
const asked = (month: string | null, tz: string) => ({ month, tz })
export const report = (month: string | null, tz: string, signal?: AbortSignal) => ask<ReportAnswer>(`/api/v1/reports?${query(asked(month, tz))}`, { signal })
export const csvAddress = (month: string | null, tz: string, table: Table) => `/api/v1/reports?${query({ ...asked(month, tz), format: 'csv', table })}`
export const followUps = (signal?: AbortSignal) => ask<OpenFollowUps>('/api/v1/follow-ups', { signal })
