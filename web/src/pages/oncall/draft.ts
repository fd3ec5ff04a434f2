/** Schedules and policies while they are being written, every field a text; and back. Pure. */
import type { LayerDefinition, PolicyDefinition, PolicyStep, ScheduleDefinition } from '../../api/oncall.ts'

export type LayerDraft = { name: string; people: string; rotation: string; start: string; handoff: string; restrictions: string; advance: 'calendar' | 'worked'; zone: string; end: string }
export type ScheduleDraft = { name: string; zone: string; empty: boolean; layers: LayerDraft[] }
export type StepDraft = { notify: string; wait: string; turns: boolean; time: string; only: string }
export type PolicyDraft = { name: string; repeat: string; timeout: string; steps: StepDraft[] }

/** Names, or lines, as they are typed. */
const listed = (text: string, between: RegExp) => text.split(between).map((one) => one.trim()).filter(Boolean)
const some = <K extends string>(key: K, text: string) => (text.trim() ? ({ [key]: text.trim() } as Record<K, string>) : {})

export const newLayer = (start: string): LayerDraft => ({ name: '', people: '', rotation: 'weekly', start, handoff: 'monday 09:00', restrictions: '', advance: 'calendar', zone: '', end: '' })
export const newSchedule = (start: string, zone: string): ScheduleDraft => ({ name: '', zone, empty: false, layers: [newLayer(start)] })
export function draftOfSchedule({ name, time_zone, may_be_empty, layer }: ScheduleDefinition): ScheduleDraft {
  const of = (one: LayerDefinition): LayerDraft => ({ name: one.name ?? '', people: one.people.join(', '), rotation: one.rotation, start: one.start, handoff: one.handoff, restrictions: one.restrictions.join('\n'), advance: one.advance, zone: one.time_zone ?? '', end: one.end ?? '' })
  return { name, zone: time_zone, empty: may_be_empty, layers: layer.map(of) }
}
export function scheduleOf({ name, zone, empty, layers }: ScheduleDraft): ScheduleDefinition {
  const of = (one: LayerDraft): LayerDefinition => ({
    ...some('name', one.name), people: listed(one.people, /[,\n]/), rotation: one.rotation.trim(), start: one.start.trim(), handoff: one.handoff.trim(), restrictions: listed(one.restrictions, /\n/), advance: one.advance, ...some('time_zone', one.zone), ...some('end', one.end),
  })
  return { name: name.trim(), time_zone: zone.trim(), may_be_empty: empty, layer: layers.map(of) }
}

export const newStep = (): StepDraft => ({ notify: '', wait: '5min', turns: false, time: '', only: '' })
export const newPolicy = (): PolicyDraft => ({ name: '', repeat: '1', timeout: '', steps: [newStep()] })
export function draftOfPolicy({ name, repeat, ack_timeout, step }: PolicyDefinition): PolicyDraft {
  const of = (one: PolicyStep): StepDraft => ({ notify: one.notify.join(', '), wait: one.wait, turns: one.round_robin ?? false, time: one.if_time ?? '', only: one.only_if ?? '' })
  return { name, repeat: String(repeat), timeout: ack_timeout ?? '', steps: step.map(of) }
}
export function policyOf({ name, repeat, timeout, steps }: PolicyDraft): PolicyDefinition {
  const of = (one: StepDraft): PolicyStep => ({ notify: listed(one.notify, /[,\n]/), wait: one.wait.trim(), round_robin: one.turns, ...some('if_time', one.time), ...some('only_if', one.only) })
  return { name: name.trim(), repeat: Number(repeat.trim() || '0'), ...some('ack_timeout', timeout), step: steps.map(of) }
}

const SCHEDULE_KEYS = ['people', 'rotation', 'start', 'handoff', 'restrictions', 'time_zone', 'end']
/** Of which fields of the form the server may say what is wrong. */
export const fieldsOfSchedule = ({ layers }: ScheduleDraft) => ['name', 'time_zone', ...layers.flatMap((_, index) => SCHEDULE_KEYS.map((key) => `layer.${index}.${key}`))]
export const fieldsOfPolicy = ({ steps }: PolicyDraft) => ['name', 'repeat', 'ack_timeout', ...steps.flatMap((_, index) => ['notify', 'wait', 'if_time', 'only_if'].map((key) => `step.${index}.${key}`))]

/** Lengths are read here too: a request with one that is none is no policy. */
export function wrongLengths({ repeat, timeout, steps }: PolicyDraft, seconds: (text: string) => number | null, said: { length: string; count: string }): Record<string, string> {
  const wrong = (text: string) => (seconds(text.trim()) ?? -1) <= 0
  const of = steps.flatMap(({ wait }, index) => (wrong(wait) ? [[`step.${index}.wait`, said.length]] : []))
  return Object.fromEntries([...of, ...(timeout.trim() && wrong(timeout) ? [['ack_timeout', said.length]] : []), ...(/^\s*\d*\s*$/.test(repeat) ? [] : [['repeat', said.count]])]) as Record<string, string>
}
