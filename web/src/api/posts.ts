/** What is said to people outside: answers as they come over the wire, and the calls. */
import { ask, query } from './client.ts'

export const PHASES = ['investigating', 'identified', 'monitoring', 'resolved', 'planned', 'notice'] as const
export type Phase = (typeof PHASES)[number]
export const STANDINGS = ['operational', 'maintenance', 'degraded', 'partial_outage', 'outage'] as const
export type Standing = (typeof STANDINGS)[number]
export type Standings = Record<string, Standing>
export type Update = { number: number; at: number; phase: Phase; text: string; components: Standings; author: string }
export type Post = { id: number; title: string; opened: number; ended: number | null; updates: Update[] }
/** `enabled`: whether people outside see them. */
export type PostsAnswer = { enabled: boolean; components: string[]; posts: Post[] }

const LIMIT = 200
export const posts = (signal?: AbortSignal) => ask<PostsAnswer>(`/api/v1/status-posts?${query({ limit: LIMIT })}`, { signal })
export const beginPost = (title: string, said: { phase: Phase; text: string; components: Standings }) => ask<Post>('/api/v1/status-posts', { method: 'POST', body: { title, ...said } })
export const goOnPost = (id: number, said: { phase: Phase; text: string; components: Standings }) => ask<Post>(`/api/v1/status-posts/${id}/updates`, { method: 'POST', body: said })
export const removePost = (id: number) => ask<unknown>(`/api/v1/status-posts/${id}`, { method: 'DELETE' })
