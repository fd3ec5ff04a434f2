/** One stream of what people and programs changed, and of what went wrong. Pure. */
import type { Annotation, Incident } from '../../api/types.ts'

export type Kind = 'deploy' | 'flip' | 'incident' | 'other'
export type Change = { key: string; at: number; kind: Kind; what: string; tags: string[]; incident: number | null; bad: boolean }

const kindOf = (tags: string[]): Kind => (tags.includes('deploy') ? 'deploy' : tags.includes('flip') ? 'flip' : 'other')

/** The newest first. An incident is there when it began, and when it was over. */
export function streamOf(annotations: Annotation[], incidents: Incident[], from: number, say: { opened: (title: string) => string; ended: (title: string) => string }): Change[] {
  const changes: Change[] = annotations.map(({ id, at, what, tags }) => ({ key: `event ${id}`, at, kind: kindOf(tags), what, tags, incident: null, bad: false }))
  for (const { id, title, opened, closed } of incidents) {
    if (opened >= from) changes.push({ key: `opened ${id}`, at: opened, kind: 'incident', what: say.opened(title), tags: [], incident: id, bad: true })
    if (closed !== null && closed >= from) changes.push({ key: `over ${id}`, at: closed, kind: 'incident', what: say.ended(title), tags: [], incident: id, bad: false })
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
