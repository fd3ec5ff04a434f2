/** One stream of what people and programs changed, and of what went wrong. Pure. */
import type { Annotation, Incident } from '../../api/types.ts'
import { releaseOf } from '../../plain/deploy.ts'

export type Kind = 'deploy' | 'flip' | 'settings' | 'incident' | 'other'
export type Change = { key: string; at: number; kind: Kind; what: string; tags: string[]; incident: number | null; bad: boolean; reason: string | null; data: string; release: { project: string; release: string } | null }

const kindOf = (tags: string[]): Kind => (tags.includes('deploy') ? 'deploy' : tags.includes('flip') ? 'flip' : tags.includes('audit') ? 'settings' : 'other')

/** The newest first. An incident is there when it began, and when it was over. */
export function streamOf(annotations: Annotation[], incidents: Incident[], from: number, say: { opened: (title: string) => string; ended: (title: string) => string }): Change[] {
  const changes: Change[] = annotations.map(({ id, at, what, tags, data }) => ({ key: `event ${id}`, at, kind: kindOf(tags), what, tags: tags.filter((tag) => tag !== 'audit'), incident: null, bad: false, reason: null, data: data ?? '', release: releaseOf({ what, tags }) }))
  for (const { id, title, opened, closed, reason } of incidents) {
    if (opened >= from) changes.push({ key: `opened ${id}`, at: opened, kind: 'incident', what: say.opened(title), tags: [], incident: id, bad: true, reason, data: '', release: null })
    if (closed !== null && closed >= from) changes.push({ key: `over ${id}`, at: closed, kind: 'incident', what: say.ended(title), tags: [], incident: id, bad: false, reason, data: '', release: null })
  }
  return changes.sort((a, b) => b.at - a.at)
}

export function matching(changes: Change[], kind: Kind | 'all', text: string): Change[] {
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean)
  return changes.filter((change) => {
    const said = `${change.what} ${change.tags.join(' ')}`.toLowerCase()
    return (kind === 'all' || change.kind === kind) && wanted.every((word) => said.includes(word))
  })
}

/** Of one service: what says its name, in words or tags, and what went wrong with what belongs to it. */
export function ofService(changes: Change[], name: string, members: string[]): Change[] {
  const word = new RegExp(`(^|[^\\p{L}\\p{N}])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}($|[^\\p{L}\\p{N}])`, 'iu')
  const reasons = new Set(members.flatMap((member) => [`monitor:${member}`, member]))
  return changes.filter(({ what, tags, reason }) => word.test(`${what} ${tags.join(' ')}`) || (reason !== null && reasons.has(reason)))
}

export type Difference = { key: string; before: string | null; after: string | null }
/** What an edit changed, key by key; of what is no JSON the whole. Nothing, where how it was is not told. */
export function differences(data: string): Difference[] {
  const side = (word: string) => new RegExp(`^${word}: (.*?)(?=^(?:before|after|commit): |$(?![\\s\\S]))`, 'ms').exec(data)?.[1].trim() ?? null
  const [before, after] = [flat(side('before')), flat(side('after'))]
  const keys = [...new Set([...before.keys(), ...after.keys()])]
  return keys.map((key) => ({ key, before: before.get(key) ?? null, after: after.get(key) ?? null })).filter((one) => one.before !== one.after)
}
export const commitOf = (data: string): string | null => /^commit: (.+)$/m.exec(data)?.[1] ?? null

function flat(text: string | null): Map<string, string> {
  if (text === null) return new Map()
  try {
    return new Map(leaves('', JSON.parse(text)))
  } catch {
    return new Map([['', text]])
  }
}
function leaves(path: string, value: unknown): [string, string][] {
  if (value === null || value === undefined) return []
  if (typeof value !== 'object' || Array.isArray(value)) return [[path, typeof value === 'string' ? value : JSON.stringify(value)]]
  return Object.entries(value).flatMap(([key, inner]) => leaves(path ? `${path}.${key}` : key, inner))
}
