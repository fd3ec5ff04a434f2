/** What one says of oneself: answers as they come over the wire, and the calls. */
import { ask } from './client.ts'

/** `address`: of a browser that of its subscription. `confirmed` null: not used yet. `gone`: the receiver is there no more. */
export type Way = { id: number; type: string; address: string; label: string; channel: string | null; changed: number; confirmed: number | null; gone: number | null; tested: { at: number; error: string | null } | null }
export type OfferedWay = { type: string; shape: string; channels: string[] }
export type OwnWays = { person: string; in_files: boolean; ways: Way[]; offered: OfferedWay[]; push_key: string | null }
export type NewWay = { id?: number; type: string; address?: string; label?: string; channel?: string | null }

export const ownWays = (signal?: AbortSignal) => ask<OwnWays>('/api/v1/me/ways', { signal })
export const setWays = (ways: NewWay[], unreachable = false) => ask<OwnWays>('/api/v1/me/ways', { method: 'PUT', body: { ways, unreachable } })
export const sendCode = (id: number) => ask<unknown>(`/api/v1/me/ways/${id}/code`, { method: 'POST' })
export const confirmWay = (id: number, code: string) => ask<OwnWays>(`/api/v1/me/ways/${id}/confirm`, { method: 'POST', body: { code } })
export const testWay = (id: number) => ask<OwnWays>(`/api/v1/me/ways/${id}/test`, { method: 'POST' })
export const describe = (name: string, display_name: string, time_zone: string | null) => ask<unknown>(`/api/v1/people/${encodeURIComponent(name)}`, { method: 'PUT', body: { display_name, time_zone } })
export const changePassword = (current: string, changed: string) => ask<unknown>('/api/v1/session/password', { method: 'POST', body: { current, new: changed } })

/** As they are, without those that `drop`, and with one more. */
export const kept = (ways: Way[], drop: number | null = null): NewWay[] => ways.filter((way) => way.id !== drop).map(({ id, type, label, channel }) => ({ id, type, label, channel }))

/** By which way first, by which when there is no answer; lengths such as `2min`. One for each severity at most; none: by all ways at once. */
export type OwnRule = { severity: 'critical' | 'any'; steps: { after: string; channel: string }[]; repeat_every?: string }
export type OwnRules = { rules: OwnRule[]; of_file: boolean; channels: string[] }
export const ownRules = (signal?: AbortSignal) => ask<OwnRules>('/api/v1/me/rules', { signal })
export const setRules = (rules: OwnRule[]) => ask<OwnRules>('/api/v1/me/rules', { method: 'PUT', body: { rules } })
