/** Settings of a project as a form holds them, and back. Pure. */
import type { Condition, GroupingRule, ProjectSettings, ScrubRule } from '../../api/errors.ts'

/** What a condition may look at: the first ten of an event, the others of a frame. */
export const FIELDS = ['type', 'value', 'message', 'level', 'logger', 'transaction', 'release', 'environment', 'platform', 'url', 'function', 'module', 'path', 'package']

export const DOES = ['group', 'own', 'foreign'] as const
/** Put into one group, or mark frames as the program's own code, or as not. */
export type Does = (typeof DOES)[number]
export type ConditionDraft = { field: string; pattern: string; not: boolean }
export type RuleDraft = { when: ConditionDraft[]; does: Does; fingerprint: string }
export type OwnerDraft = { when: ConditionDraft[]; owner: string }

const TEXTS = ['source_url', 'issue_url', 'tee'] as const
const NUMBERS = ['retention_days', 'max_events_per_5m', 'max_transactions_per_5m', 'max_sessions_per_5m', 'spike_factor'] as const
const LISTS = ['facets', 'scrub_fields', 'safe_fields'] as const
const SWITCHES = ['scrub_defaults', 'remove_addresses'] as const

type Text = (typeof TEXTS)[number] | 'source_root' | (typeof NUMBERS)[number] | (typeof LISTS)[number]
/** A list has a line for each. */
export type Draft = Record<Text, string> & Record<(typeof SWITCHES)[number], boolean> & { rules: RuleDraft[]; owners: OwnerDraft[]; scrub_rules: ScrubRule[] }
export type Edited = Omit<ProjectSettings, 'grouping_version' | 'grouping_before' | 'baseline_until'>
export type Key = keyof Edited

export const newCondition = (): ConditionDraft => ({ field: '', pattern: '', not: false })
export const newRule = (): RuleDraft => ({ when: [newCondition()], does: 'group', fingerprint: '' })
export const newOwner = (): OwnerDraft => ({ when: [newCondition()], owner: '' })

const conditions = (when: Condition[]): ConditionDraft[] => when.map(({ field, pattern, not }) => ({ field, pattern, not: not ?? false }))
const ruleDraft = ({ when, then }: GroupingRule): RuleDraft =>
  'fingerprint' in then ? { when: conditions(when), does: 'group', fingerprint: then.fingerprint.join('\n') } : { when: conditions(when), does: then.in_app ? 'own' : 'foreign', fingerprint: '' }
const mapped = <K extends string, V>(keys: readonly K[], of: (key: K) => V) => Object.fromEntries(keys.map((key) => [key, of(key)])) as Record<K, V>

export function draftOf(settings: ProjectSettings): Draft {
  return {
    ...mapped(TEXTS, (key) => settings[key] ?? ''), ...mapped(NUMBERS, (key) => String(settings[key] ?? '')), ...mapped(LISTS, (key) => settings[key].join('\n')), ...mapped(SWITCHES, (key) => settings[key]),
    source_root: settings.source_root, scrub_rules: settings.scrub_rules.map((rule) => ({ ...rule })),
    rules: settings.rules.map(ruleDraft), owners: settings.owners.map(({ when, owner }) => ({ when: conditions(when), owner })),
  }
}

export const linesOf = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter(Boolean)
const written = (when: ConditionDraft[]): Condition[] => when.map(({ field, pattern, not }) => ({ field: field.trim(), pattern, ...(not ? { not } : {}) }))
const ruleOf = ({ when, does, fingerprint }: RuleDraft): GroupingRule => ({ when: written(when), then: does === 'group' ? { fingerprint: linesOf(fingerprint) } : { in_app: does === 'own' } })

export function settingsOf(draft: Draft): Edited {
  return {
    ...mapped(TEXTS, (key) => draft[key].trim() || null), ...mapped(NUMBERS, (key) => (draft[key].trim() ? Number(draft[key]) : null)), ...mapped(LISTS, (key) => linesOf(draft[key])), ...mapped(SWITCHES, (key) => draft[key]),
    source_root: draft.source_root.trim(), scrub_rules: draft.scrub_rules.map(({ name, pattern }) => ({ name: name.trim(), pattern })),
    rules: draft.rules.map(ruleOf), owners: draft.owners.map(({ when, owner }) => ({ when: written(when), owner: owner.trim() })),
  }
}

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** What was changed since it was read: only that is written, over what is there by then. */
export function changesOf(read: ProjectSettings, draft: Draft): Partial<Edited> {
  const before = settingsOf(draftOf(read))
  const now = settingsOf(draft)
  return Object.fromEntries((Object.keys(now) as Key[]).filter((key) => !same(before[key], now[key])).map((key) => [key, now[key]]))
}

/** What is there by now, with what was changed in the form over it. */
export const keptOver = (fresh: ProjectSettings, draft: Draft, changes: Partial<Edited>): Draft => ({ ...draftOf(fresh), ...Object.fromEntries((Object.keys(changes) as Key[]).map((key) => [key, draft[key]])) })

/** Of those the ones that somebody else has changed meanwhile. */
export const clashesOf = (read: ProjectSettings, fresh: ProjectSettings, changes: Partial<Edited>): Key[] => (Object.keys(changes) as Key[]).filter((key) => !same(read[key], fresh[key]) && !same(changes[key], fresh[key]))

const DAY_S = 86_400

/** Events go at once, and for good: those that are older than what they are kept for from now on. By the configuration that may be any. */
export function losesEvents({ retention_days: days }: Partial<Edited>, oldest: number | null, now: number): boolean {
  if (days === undefined || oldest === null) return false
  return days === null || oldest < now - days * DAY_S
}

const NUMBER = /^\s*\d{0,9}\s*$/
/** What is told before it is sent. */
export const isNumber = (text: string): boolean => NUMBER.test(text)
export const wrongNumbers = (draft: Draft): Key[] => NUMBERS.filter((key) => !isNumber(draft[key]))

const fieldsOfConditions = (at: string, when: unknown[]) => [`${at}.when`, ...when.flatMap((_, index) => [`${at}.when.${index}.field`, `${at}.when.${index}.pattern`])]
/** The places at which the server may find something wrong. */
export function fieldsOf(draft: Draft): string[] {
  return [
    ...TEXTS, ...NUMBERS, ...LISTS, 'source_root', 'scrub_rules', 'rules', 'owners',
    ...draft.scrub_rules.map((_, index) => `scrub_rules.${index}.pattern`),
    ...draft.rules.flatMap(({ when }, index) => [...fieldsOfConditions(`rules.${index}`, when), `rules.${index}.then.fingerprint`]),
    ...draft.owners.flatMap(({ when }, index) => [...fieldsOfConditions(`owners.${index}`, when), `owners.${index}.owner`]),
  ]
}

/** `module jobs.*, tags.region not eu`, for who only reads. */
export const conditionsSaid = (when: Condition[], not: string): string => when.map(({ field, pattern, not: turned }) => `${field} ${turned ? `${not} ` : ''}${pattern}`).join(', ')
