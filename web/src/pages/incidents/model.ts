/** What is behind one incident: its window, its series, and what else was changed then. Pure. */
import type { Step } from '../../api/learning.ts'
import type { IncidentGraph, MonitorDefinition, Moved, TimelineEntry, TroubleItem, WholeIncident } from '../../api/types.ts'
import type { Block } from '../../plain/markdown.ts'
import { asTarget } from '../../plain/names.ts'
import { formatted, type Unit } from '../../plain/number.ts'
import type { Level } from '../../plain/perfdata.ts'
import { compactOffset, fixed, type Span } from '../../plain/span.ts'
import { badness, isTrouble } from '../../plain/states.ts'

/** What leads to it is drawn too: a quarter of its length, and a quarter of an hour at least. */
const LEAD_S = 900
/** While it is open its window grows in such steps: each is asked for anew. */
const STEP_S = 300

type Ends = Pick<WholeIncident, 'opened' | 'closed'>

export function spanOf({ opened, closed }: Ends, now: number): Span {
  const length = Math.max(0, (closed ?? now) - opened)
  const lead = Math.max(LEAD_S, length / 4)
  if (closed === null) return { from: `-${compactOffset(Math.ceil((length + lead) / STEP_S) * STEP_S)}`, to: 'now' }
  return fixed({ from: opened - lead, to: Math.min(now, closed + lead) })
}

/** Whose it is: `monitor:NAME`, `host:NAME`; null for what is none of them, such as a channel. */
export function subjectOfReason(reason: string): { is: 'host' | 'monitor'; name: string } | null {
  const [, is, name] = /^(host|monitor):(.*)$/s.exec(reason) ?? []
  return name ? { is: is as 'host' | 'monitor', name } : null
}

/** Lines that can be told apart on one graph. */
const MOST_LINES = 6

/** Of the series that were bad, those that were worst, first of all; what recovers stays drawn. Where an instance is the outcome of a function, the whole target. Nothing, if it has none. */
export function targetsOf(rule: MonitorDefinition | undefined, troubles: WholeIncident['troubles']): string[] {
  const target = typeof rule?.target === 'string' ? rule.target.trim() : ''
  const stored = !target.includes('(') || /^seriesByTag\([^()]*\)$/.test(target)
  const bad = troubles.filter(({ instance }) => instance !== '').sort((a, b) => badness(b.worst) - badness(a.worst) || a.since - b.since)
  if (target === '') return []
  return stored && bad.length ? bad.slice(0, MOST_LINES).map(({ instance }) => asTarget(instance)) : [target]
}

export const levelsOfGraph = ({ warning, critical }: Pick<IncidentGraph, 'warning' | 'critical'>): Level[] =>
  ([['warning', warning], ['critical', critical]] as const).flatMap(([state, at]) => (at === null ? [] : [{ at, state }]))

/** Groups of errors are members, each for a reason of its own: `errors:RULE/GROUP`. */
export function errorsOf({ reason, also, troubles }: Pick<WholeIncident, 'reason' | 'also' | 'troubles'>): TroubleItem[] {
  const reasons = new Set([reason, ...also])
  return troubles.filter(({ host, monitor, instance }) => !host && reasons.has(`errors:${monitor}/${instance}`))
}

const MOST_CHANGES = 50

/** One list of what people and machines did, with the deploys and flips of its time; what was measured stands when it was seen. */
export function timelineOf({ timeline, events = [] }: Pick<WholeIncident, 'timeline' | 'events'>): TimelineEntry[] {
  const changed = events.slice(-MOST_CHANGES).map(({ at, what, tags }): TimelineEntry => ({ at, kind: tags.includes('deploy') ? 'deploy' : tags.includes('flip') ? 'flip' : 'event', who: '', text: what }))
  // What happened in the same second as the opening came before it.
  return [...changed, ...timeline].sort((a, b) => a.at - b.at)
}

/** Those of which a person sees a difference; what only twitched says nothing. */
export function worthTelling(moved: Moved[], drawn: string[], unitOf: (series: string) => Unit): Moved[] {
  const differs = ({ series, before, during }: Moved) => formatted(before, unitOf(series)) !== formatted(during, unitOf(series))
  return moved.filter((one) => differs(one) && !drawn.includes(asTarget(one.series)))
}

/** `ana, ben` as names; nothing for a blank. */
export const namesIn = (text: string): string[] => text.split(',').map((name) => name.trim()).filter(Boolean)

/** What the page of a member is called: hosts stand beside checks of the same name. */
export const nameOf = ({ host, monitor }: Pick<TroubleItem, 'host' | 'monitor'>): string => (host && !monitor.startsWith('host:') ? `host:${monitor}` : monitor)
export const keyOf = (one: Pick<TroubleItem, 'host' | 'monitor' | 'instance'>): string => JSON.stringify([one.host, one.monitor, one.instance])
/** As the API takes those that leave. */
export const splitOff = (members: TroubleItem[]) => members.map(({ host, monitor, instance }) => ({ host, monitor, instance }))

/** Why these cannot become an incident of their own. What is listed is the worst: what is bad is among it. */
export function splitRefused(members: TroubleItem[], leaving: TroubleItem[]): 'well' | 'all' | null {
  const bad = (of: TroubleItem[]) => of.filter(({ state }) => isTrouble(state)).length
  if (bad(leaving) === 0) return 'well'
  return bad(members) === bad(leaving) ? 'all' : null
}

/** Members that came in for another reason than its own, and about which nobody was paged. */
export const grouped = (troubles: WholeIncident['troubles']): number => troubles.filter(({ why }) => why !== null && why !== undefined).length

/** Of each item of the text the step that it is, in order; undefined: it is none. Steps are known by their words, boxes and marks apart. */
export function stepsOfItems(text: Block[], steps: Step[]): (Step | undefined)[] {
  const plain = (said: string) => said.replace(/[`*_[\]()\s]+/g, ' ').trim().toLowerCase()
  let next = 0
  return text.flatMap((block) => (block.kind === 'list' ? block.items : [])).map(({ raw }) => {
    const at = steps.findIndex((step, index) => index >= next && plain(step.text) === plain(raw))
    if (at < 0) return undefined
    next = at + 1
    return steps[at]
  })
}
