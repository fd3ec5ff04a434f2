/** People, teams, tokens: answers as they come over the wire, and the calls. */
import { ask, confirmed } from './client.ts'
import type { Role } from './types.ts'

/** `until`: nobody came so yet, and somebody may until then. */
export type ComesBy = { by: 'provider' | 'proxy' | 'another'; seen: number | null; linked: number | null; until: number | null }
export type Person = { name: string; role: Role; display_name?: string; time_zone?: string | null; created: number; suspended?: number | null; teams?: string[]; comes_by?: ComesBy[]; name_used_by?: string[] }
/** What stays of somebody who was unlinked: names of tokens, and how many ways to be reached. */
export type StillThere = { tokens: string[]; ways: number }
export type Team = { name: string; members: string[]; prefixes?: string[]; projects?: string[]; escalation_policy?: string | null; in_files: boolean; by_groups?: string[] }
export type Token = { id: number; name: string; role: Role; prefixes: string[]; owner: string | null; expires: number | null; created: number; last_used: number | null }
export type Invitation = { id: number; name: string; role: Role; display_name: string; invited_by: string; expires: number }

export const people = async (signal?: AbortSignal) => (await ask<{ people: Person[] }>('/api/v1/people', { signal })).people
export const setRole = (name: string, role: Role) => ask<unknown>(`/api/v1/people/${encodeURIComponent(name)}/role`, { method: 'PUT', body: { role } })
export const removePerson = (name: string, meant: boolean) => ask<unknown>(`/api/v1/people/${encodeURIComponent(name)}${confirmed(meant)}`, { method: 'DELETE' })
export const linkPerson = (name: string, by: ComesBy['by']) => ask<unknown>(`/api/v1/people/${encodeURIComponent(name)}/link`, { method: 'POST', body: { by } })
export const unlinkPerson = (name: string, by: ComesBy['by']) => ask<StillThere>(`/api/v1/people/${encodeURIComponent(name)}/link?by=${by}`, { method: 'DELETE' })
export const unsuspend = (name: string) => ask<unknown>(`/api/v1/people/${encodeURIComponent(name)}/suspension`, { method: 'DELETE' })
export const teams = async (signal?: AbortSignal) => (await ask<{ teams: Team[] }>('/api/v1/teams', { signal })).teams
export const saveTeam = (name: string, of: Omit<Team, 'name' | 'in_files' | 'by_groups'>) => ask<Team>(`/api/v1/teams/${encodeURIComponent(name)}`, { method: 'PUT', body: of })
export const removeTeam = (name: string, meant: boolean) => ask<unknown>(`/api/v1/teams/${encodeURIComponent(name)}${confirmed(meant)}`, { method: 'DELETE' })
export const tokens = async (signal?: AbortSignal) => (await ask<{ tokens: Token[] }>('/api/v1/tokens', { signal })).tokens
/** `expires` null: it has no end. */
export const makeToken = (name: string, role: Role, prefixes: string[], expires: number | null) => ask<{ id: number; token: string }>('/api/v1/tokens', { method: 'POST', body: { name, role, prefixes, ...(expires === null ? {} : { expires }) } })
export const removeToken = (id: number) => ask<unknown>(`/api/v1/tokens/${id}`, { method: 'DELETE' })
/** The ways first: they are refused where pages would reach nobody then. */
export async function removeStillThere(name: string, left: StillThere, meant: boolean): Promise<true> {
  if (left.ways) await ask<unknown>(`/api/v1/people/${encodeURIComponent(name)}/ways${confirmed(meant)}`, { method: 'DELETE' })
  const theirs = left.tokens.length ? (await tokens()).filter((one) => one.owner === name && left.tokens.includes(one.name)) : []
  for (const one of theirs) await removeToken(one.id)
  return true
}
export const invitations = async (signal?: AbortSignal) => (await ask<{ invitations: Invitation[] }>('/api/v1/invitations', { signal })).invitations
export const invite = (name: string, role: Role) => ask<{ link: string; expires: number }>('/api/v1/invitations', { method: 'POST', body: { name, role } })
export const uninvite = (id: number) => ask<unknown>(`/api/v1/invitations/${id}`, { method: 'DELETE' })
export const acceptInvitation = (token: string, password: string) => ask<{ user: string }>('/api/v1/invitations/accept', { method: 'POST', body: { token, password } })

/** `before` and `after`: JSON, as the API shows it. */
export type AuditEntry = { id: number; at: number; who: string; via: string; source: string; action: string; subject: string; before: string | null; after: string | null; commit: string | null }
export type AuditAnswer = { entries: AuditEntry[]; more: boolean }
export const audit = (limit: number, signal?: AbortSignal) => ask<AuditAnswer>(`/api/v1/audit?limit=${limit}`, { signal })
