/** In which order somebody is reached: the rule as the API has it, as it is edited, and as a sentence. Pure. */
import type { OwnRule } from '../../api/me.ts'
import { duration } from '../../plain/number.ts'

/** Times as they are typed; `repeat` blank: once. */
export type Draft = { severity: OwnRule['severity']; steps: { after: string; channel: string }[]; repeat: string }

const DAY_S = 86_400
const LEAST_REPEAT_S = 30
export const MOST_STEPS = 20
const UNITS: Record<string, number> = { s: 1, m: 60, min: 60, h: 3600, d: DAY_S }

/** `2min`, `90s`; a bare number is minutes. */
export function secondsOf(text: string): number | null {
  const [, number, unit] = /^(\d{1,6})\s*(s|m|min|h|d)?$/.exec(text.trim().toLowerCase()) ?? []
  return number === undefined ? null : Number(number) * UNITS[unit ?? 'min']
}

export const draftOf = ({ severity, steps, repeat_every }: OwnRule): Draft => ({ severity, steps: steps.map(({ after, channel }) => ({ after, channel })), repeat: repeat_every ?? '' })
/** The first is at once, whatever is typed. */
export const ruleOf = ({ severity, steps, repeat }: Draft): OwnRule => ({
  severity, steps: steps.map(({ after, channel }, index) => ({ after: index === 0 ? '0s' : `${secondsOf(after) ?? 0}s`, channel })),
  ...(repeat.trim() === '' ? {} : { repeat_every: `${secondsOf(repeat) ?? 0}s` }),
})

/** What begins a rule: the first way at once. */
export const begun = (severity: OwnRule['severity'], channels: string[]): Draft => ({ severity, steps: [{ after: '0s', channel: channels[0] ?? '' }], repeat: '' })

/** The next way that is not in it yet, some minutes later. */
export function longer(draft: Draft, channels: string[]): Draft {
  const used = draft.steps.map(({ channel }) => channel)
  const last = secondsOf(draft.steps[draft.steps.length - 1]?.after ?? '') ?? 0
  const channel = channels.find((name) => !used.includes(name)) ?? channels[0] ?? ''
  return { ...draft, steps: [...draft.steps, { after: `${Math.min(1440, Math.round(last / 60) + (draft.steps.length === 1 ? 2 : 3))}min`, channel }] }
}

export type Wrong = 'time' | 'order' | 'day' | 'repeat' | 'channel'
/** Why the server would not take it; null: it would. */
export function wrongOf({ steps, repeat }: Draft, channels: string[]): Wrong | null {
  const times = steps.map(({ after }, index) => (index === 0 ? 0 : secondsOf(after)))
  const again = repeat.trim() === '' ? LEAST_REPEAT_S : secondsOf(repeat)
  if (steps.some(({ channel }) => !channels.includes(channel))) return 'channel'
  if (times.includes(null)) return 'time'
  if (times.some((time, index) => index > 0 && time! < times[index - 1]!)) return 'order'
  if (times.some((time) => time! > DAY_S)) return 'day'
  return again === null || again < LEAST_REPEAT_S || again > DAY_S ? 'repeat' : null
}

type Said = { atOnce: (channel: string) => string; after: (channel: string, length: string) => string; again: (channel: string, length: string) => string }
/** `push at once, sms after 2 min, sms again every 5 min until somebody has it`; of times that are none nothing is said. */
export function sentence({ steps, repeat_every }: OwnRule, said: Said): string {
  const parts = steps.map(({ after, channel }) => (secondsOf(after) ? said.after(channel, duration(secondsOf(after)!)) : said.atOnce(channel)))
  const last = steps[steps.length - 1]
  const every = repeat_every ? secondsOf(repeat_every) : null
  return [...parts, ...(every && last ? [said.again(last.channel, duration(every))] : [])].join(', ')
}
