/** What was learnt and what is to be done: playbooks, earlier times, post-mortems. Answers as they come over the wire, and the calls. */
import { ask, query } from './client.ts'
import type { EarlierTime, MonitorDefinition, WatchState } from './types.ts'

export type Step = { number: number; text: string; ticked: { by: string; at: number } | null }
/** `url`: it is written elsewhere. `text`: the section that fits the incident. `version` 0: it stands in the definition. `missing`: written under this name it would be found. */
export type PlaybookOf = { name: string | null; version: number; url: string | null; title: string; text: string; steps: Step[]; problem: string | null; missing: string | null }
export type Playbook = { name: string; version: number; by: string; at: number; text: string }

export const playbookOf = (incident: number, signal?: AbortSignal) => ask<PlaybookOf>(`/api/v1/incidents/${incident}/playbook`, { signal })
export const tick = (incident: number, step: number, version: number, ticked: boolean) => ask<unknown>(`/api/v1/incidents/${incident}/${ticked ? 'tick' : 'untick'}`, { method: 'POST', body: { step, version } })
const playbookAt = (name: string) => `/api/v1/playbooks/${encodeURIComponent(name)}`
export const playbook = (name: string) => ask<Playbook>(playbookAt(name))
export const savePlaybook = (name: string, text: string, version: number) => ask<unknown>(playbookAt(name), { method: 'PUT', body: { text, version } })

export const earlier = async (incident: number, signal?: AbortSignal) => (await ask<{ earlier: EarlierTime[] }>(`/api/v1/incidents/${incident}/earlier`, { signal })).earlier

/** One moment of how it went. `role`: who, by their part. */
export type Line = { at: number; role: string; words: string; hidden: boolean }
export type Text = { title: string; regret: string; reason: string; remedy: string; timeline: Line[]; redact: string[]; keep: string[] }
export type FollowUp = { id: number; post_mortem: number; what: string; owner: string; due: string; kind: 'task' | 'new_monitor'; monitor: string | null; done: number | null; done_by: string | null; proof: { monitor: string; at: number; fired: number; instance: string; sentence: string } | null }
export type ListedPostMortem = { id: number; incident: number; title: string; began: number; ended: number | null; changed: number; author: string; version: number; published: { at: number; by: string; path: string; is_older: boolean } | null; follow_ups: FollowUp[]; open_follow_ups: number }
export type Impact = { seconds: number; to_notice_seconds: number; to_acknowledge_seconds: number | null; worst: WatchState; instances: number; services: string[]; pages: number; people: number }
/** `place`: `regret`, `reason`, `remedy`, or `timeline` and the number of its line. */
export type WordingHint = { place: string; found: string; instead: string }
export type PostMortem = ListedPostMortem & { text: Text; impact: Impact | null; wording: WordingHint[]; earlier: ListedPostMortem[] }
export type Preview = { version: number; page: string; removed: string[]; seen: string }
export type NewFollowUp = { what: string; owner: string; due: string; kind: FollowUp['kind'] }

const at = (id: number) => `/api/v1/post-mortems/${id}`
export async function postMortemOf(incident: number, signal?: AbortSignal): Promise<PostMortem | null> {
  const { post_mortems } = await ask<{ post_mortems: ListedPostMortem[] }>(`/api/v1/post-mortems?${query({ incident })}`, { signal })
  return post_mortems[0] ? ask<PostMortem>(at(post_mortems[0].id), { signal }) : null
}
export const beginPostMortem = (incident: number) => ask<PostMortem>('/api/v1/post-mortems', { method: 'POST', body: { incident } })
export const writePostMortem = (id: number, version: number, text: Text) => ask<PostMortem>(at(id), { method: 'PUT', body: { version, text } })
export const addFollowUp = (id: number, what: NewFollowUp) => ask<PostMortem>(`${at(id)}/follow-ups`, { method: 'POST', body: what })
export const changeFollowUp = (id: number, which: number, change: { done?: boolean; kind?: FollowUp['kind']; monitor?: string }) => ask<PostMortem>(`${at(id)}/follow-ups/${which}`, { method: 'PUT', body: change })
export const removeFollowUp = (id: number, which: number) => ask<PostMortem>(`${at(id)}/follow-ups/${which}`, { method: 'DELETE' })
export const previewPostMortem = (id: number) => ask<Preview>(`${at(id)}/preview`)
export const publishPostMortem = (id: number, seen: string) => ask<PostMortem>(`${at(id)}/publish`, { method: 'POST', body: { seen } })
export const withdrawPostMortem = (id: number) => ask<PostMortem>(`${at(id)}/publish`, { method: 'DELETE' })

/** What a rule would have done in 30 days. */
export type Tried = { for: string | null; critical: string | null; warning: string | null; fired: number; told: number; useful_caught: number; useless_caught: number; sentence: string }
/** `monitor`: the whole rule with the change. */
export type ThresholdProposal = Tried & { changes: 'for' | 'critical' | 'warning' | 'thresholds'; monitor: MonitorDefinition }
/** `now` is null of what is no metric monitor: the sentence says what to do instead. */
export type ProposalAnswer = { monitor: string; from: number; until: number; now: Tried | null; proposals: ThresholdProposal[]; tried: number; cut: boolean; useful_incidents: number; useless_incidents: number; sentence: string }
/** Of an incident that was judged to be noise: a change that would have left it out, and kept all that was useful. */
export const proposal = (id: number, signal?: AbortSignal) => ask<ProposalAnswer>(`/api/v1/incidents/${id}/proposal`, { signal })
