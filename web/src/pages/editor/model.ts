/** A monitor while it is written. Pure. */
import type { Firing, MonitorDefinition, ReplayAnswer } from '../../api/types.ts'
import type { Level } from '../../plain/perfdata.ts'
import { levelsOf } from '../../plain/condition.ts'

export type Draft = {
  name: string
  target: string
  critical: string
  warning: string
  lasting: string
  contacts: string
  owner: string
  service: string
  playbook: string
  description: string
  shadow: boolean
  /** What the form has no field for, as it was. */
  other: Record<string, unknown>
}

export const emptyDraft = (target = ''): Draft => ({ name: '', target, critical: '', warning: '', lasting: '1min', contacts: '', owner: '', service: '', playbook: '', description: '', shadow: false, other: {} })

const KNOWN = ['name', 'kind', 'target', 'critical', 'warning', 'for', 'contacts', 'owner', 'service', 'playbook', 'description', 'shadow']

export function draftOf(definition: MonitorDefinition): Draft {
  const text = (key: string) => (typeof definition[key] === 'string' ? (definition[key] as string) : '')
  return {
    name: definition.name, target: text('target'), critical: text('critical'), warning: text('warning'), lasting: text('for'), contacts: Array.isArray(definition.contacts) ? definition.contacts.join(', ') : '', owner: text('owner'),
    service: text('service'), playbook: text('playbook'), description: text('description'), shadow: definition.shadow === true, other: Object.fromEntries(Object.entries(definition).filter(([key]) => !KNOWN.includes(key))),
  }
}

/** What is left empty is left out: the server's default holds. */
export function definitionOf(draft: Draft): MonitorDefinition {
  const contacts = draft.contacts.split(',').map((name) => name.trim()).filter(Boolean)
  const all: Record<string, unknown> = {
    name: draft.name.trim(), kind: 'metric', target: draft.target.trim(), critical: draft.critical.trim(), warning: draft.warning.trim(), for: draft.lasting.trim(), contacts, owner: draft.owner.trim(), service: draft.service.trim(),
    playbook: draft.playbook.trim(), description: draft.description.trim(), shadow: draft.shadow, ...draft.other,
  }
  const given = Object.entries(all).filter(([, value]) => value !== '' && value !== false && !(Array.isArray(value) && value.length === 0))
  return Object.fromEntries(given) as MonitorDefinition
}

/** As it would stand in a file. */
export function tomlOf(definition: MonitorDefinition, kind: 'monitor' | 'check' = 'monitor'): string {
  const plain = Object.entries(definition).filter(([, value]) => !isTable(value))
  const tables = Object.entries(definition).filter(([, value]) => isTable(value)) as [string, Record<string, unknown>][]
  const line = ([key, value]: [string, unknown]) => `${keyOf(key)} = ${valueOf(value)}\n`
  return [`[[${kind}]]\n`, ...plain.map(line), ...tables.map(([key, table]) => `[${kind}.${keyOf(key)}]\n${Object.entries(table).map(line).join('')}`)].join('')
}

const isTable = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
const keyOf = (key: string) => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key))

function valueOf(value: unknown): string {
  if (isTable(value)) return `{ ${Object.entries(value as object).map(([key, one]) => `${keyOf(key)} = ${valueOf(one)}`).join(', ')} }`
  if (Array.isArray(value)) return `[${value.map(valueOf).join(', ')}]`
  // A JSON string is a TOML string; only DEL has to be escaped besides.
  return typeof value === 'string' ? JSON.stringify(value).replace(/\x7f/g, '\\u007f') : String(value)
}

/** What is missing before it can be tried, and before it can be kept. */
export function missing(draft: Draft): ('name' | 'target' | 'when')[] {
  const gaps: ('name' | 'target' | 'when')[] = []
  if (draft.target.trim() === '') gaps.push('target')
  if (draft.critical.trim() === '' && draft.warning.trim() === '' && !('objective' in draft.other) && !('funnel' in draft.other)) gaps.push('when')
  if (draft.name.trim() === '') gaps.push('name')
  return gaps
}

export type Handle = { level: Level; which: 'low' | 'high' }

/** The lines on the graph that can be dragged. */
export function handles(draft: Draft): Handle[] {
  const all = (['warning', 'critical'] as const).flatMap((state) => levelsOf(draft[state], state))
  return all.map(({ at, state, which }) => ({ level: { at, state }, which }))
}

export type Told = { fired: number; healed: number; pages: number; whom: [name: string, count: number][] }

/** What a version of the rule would have done, in four numbers. */
export function toldOf(answer: ReplayAnswer): Told {
  const sum = (pick: (one: ReplayAnswer['instances'][number]) => number) => answer.instances.reduce((total, one) => total + pick(one), 0)
  const whom = Object.entries(answer.pages).sort((a, b) => b[1] - a[1])
  return { fired: sum((one) => one.fired), healed: sum((one) => one.self_healed), pages: whom.reduce((total, [, count]) => total + count, 0), whom }
}

export type Listed = { firing: Firing; only: 'this' | 'held' | null }

/** The firings, the newest first; beside another version, with which of the two they are. */
export function listOf({ firings, comparison }: ReplayAnswer): Listed[] {
  const key = ({ instance, began }: Firing) => `${began} ${instance}`
  const mine = new Set(comparison?.only_first.map(key))
  const all: Listed[] = firings.map((firing) => ({ firing, only: mine.has(key(firing)) ? 'this' : null }))
  all.push(...(comparison?.only_second ?? []).map((firing): Listed => ({ firing, only: 'held' })))
  return all.sort((a, b) => b.firing.began - a.firing.began)
}

/** Why not everything can be told; each reason once. */
export function doubtsOf(answer: ReplayAnswer): { reason: string; cannotTell: boolean }[] {
  const reasons = new Map(answer.doubts.map(({ reason, cannot_tell }) => [reason, cannot_tell]))
  return [...reasons].map(([reason, cannotTell]) => ({ reason, cannotTell }))
}
