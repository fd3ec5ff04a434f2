/** A check, a heartbeat or a rule on errors while it is written: texts by key. Pure. */
import type { MonitorDefinition } from '../../api/types.ts'
import { KINDS, RHYTHM, kindNamed, type Field, type Kind, type KindName } from './kinds.ts'

export type Thing = {
  kind: KindName
  name: string
  /** As typed, by key. */
  texts: Record<string, string>
  shadow: boolean
  /** What the form has no field for, as it was. */
  other: Record<string, unknown>
}

/** Of all kinds; `service` only of monitors: of a check it is what Nagios calls so. */
const COMMON: Field[] = [{ key: 'contacts', kind: 'list' }, { key: 'owner', kind: 'text' }, { key: 'playbook', kind: 'text' }]
const OF_CHECKS: Field[] = [{ key: 'host', kind: 'text' }, { key: 'warning', kind: 'text' }, { key: 'critical', kind: 'text' }, ...RHYTHM]
const OF_MONITORS: Field[] = [{ key: 'service', kind: 'text' }]

export const emptyThing = (kind: KindName): Thing => ({ kind, name: '', texts: {}, shadow: false, other: {} })

/** Every field of a kind: what it is written from. */
export function fieldsOf(name: KindName): Field[] {
  const kind: Kind = KINDS[name]
  return [...kind.fields, ...(kind.table === 'check' ? OF_CHECKS : OF_MONITORS), ...COMMON]
}

/** Null: it has no form, as what runs a command. */
export function thingOf({ check, monitor }: { check?: MonitorDefinition; monitor?: MonitorDefinition }): Thing | null {
  const definition = check ?? monitor
  const kind = kindNamed(check ? String(check.type ?? 'plugin') : String(monitor?.kind ?? 'metric'))
  if (!definition || !kind || KINDS[kind].table !== (check ? 'check' : 'monitor') || 'command' in definition) return null
  const fields = fieldsOf(kind)
  const texts: Record<string, string> = {}
  const other: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(definition)) {
    if (['name', 'type', 'kind', 'shadow'].includes(key)) continue
    const field = fields.find((one) => one.key === key)
    if (field) texts[key] = Array.isArray(value) ? value.join(field.key === 'contacts' ? ', ' : '\n') : String(value)
    else other[key] = value
  }
  return { kind, name: definition.name, texts, shadow: definition.shadow === true, other }
}

function valueOf({ key, kind }: Field, typed: string): unknown {
  const text = typed.trim()
  if (text === '') return undefined
  if (kind === 'flag') return text === 'true'
  // What is no number is the server's to refuse, in its own words.
  if (kind === 'number') return Number.isFinite(Number(text)) ? Number(text) : text
  if (kind === 'list') return text.split(key === 'contacts' ? /[,\n]/ : '\n').map((one) => one.trim()).filter(Boolean)
  return text
}

/** What is left empty is left out: the server's default holds. What belongs to another kind stays out too. */
export function definitionOfThing({ kind, name, texts, shadow, other }: Thing): MonitorDefinition {
  const definition: MonitorDefinition = { name: name.trim(), [KINDS[kind].table === 'check' ? 'type' : 'kind']: kind }
  for (const field of fieldsOf(kind)) {
    const value = valueOf(field, texts[field.key] ?? '')
    if (value !== undefined) definition[field.key] = value
  }
  return { ...definition, ...(shadow ? { shadow } : {}), ...other }
}

/** What has to be said before it can be tried: the keys. */
export const gapsOf = ({ kind, texts }: Thing): string[] => (KINDS[kind] as Kind).fields.filter(({ key, needed }) => needed && (texts[key] ?? '').trim() === '').map(({ key }) => key)
