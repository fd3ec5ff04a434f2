/** When is it bad? The conditions that a sentence can say, to and from the text that a file holds. Others stay text. */

import type { Level } from './perfdata.ts'

export const FORMS = ['above', 'below', 'outside', 'inside', 'averageAbove', 'averageBelow', 'absent', 'changed', 'reaches'] as const
export type Form = (typeof FORMS)[number]
/** What a sentence has room for. Not all forms use all of it. */
export type Sentence = { form: Form; low: number; high: number; over: string }

const NUMBER = '([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[+-]?\\d+)?)'
const LENGTH = '(\\d+\\s*(?:ms|s|min|m|h|d|w))'
const PATTERNS: [RegExp, (parts: string[]) => Sentence][] = [
  [new RegExp(`^(?:value\\s+)?>\\s*${NUMBER}$`, 'i'), ([at]) => of('above', Number(at))],
  [new RegExp(`^(?:value\\s+)?<\\s*${NUMBER}$`, 'i'), ([at]) => of('below', Number(at))],
  [new RegExp(`^outside\\s+${NUMBER}\\s*\\.\\.\\s*${NUMBER}$`, 'i'), ([low, high]) => ({ ...of('outside', Number(high)), low: Number(low) })],
  [new RegExp(`^inside\\s+${NUMBER}\\s*\\.\\.\\s*${NUMBER}$`, 'i'), ([low, high]) => ({ ...of('inside', Number(high)), low: Number(low) })],
  [new RegExp(`^(?:avg|average|mean)\\s+over\\s+${LENGTH}\\s*>\\s*${NUMBER}$`, 'i'), ([over, at]) => ({ ...of('averageAbove', Number(at)), over: tidy(over) })],
  [new RegExp(`^(?:avg|average|mean)\\s+over\\s+${LENGTH}\\s*<\\s*${NUMBER}$`, 'i'), ([over, at]) => ({ ...of('averageBelow', Number(at)), over: tidy(over) })],
  [new RegExp(`^no\\s+(?:point|data)\\s+for\\s+${LENGTH}$`, 'i'), ([over]) => ({ ...of('absent', 0), over: tidy(over) })],
  [new RegExp(`^change\\s+over\\s+${LENGTH}\\s*>\\s*±\\s*${NUMBER}\\s*%$`, 'i'), ([over, at]) => ({ ...of('changed', Number(at)), over: tidy(over) })],
  [new RegExp(`^reaches\\s+${NUMBER}\\s+within\\s+${LENGTH}$`, 'i'), ([at, over]) => ({ ...of('reaches', Number(at)), over: tidy(over) })],
]

const of = (form: Form, high: number): Sentence => ({ form, low: 0, high, over: '5min' })
const tidy = (length: string) => length.replace(/\s+/g, '').replace(/^(\d+)m$/, '$1min')

/** Null: it says more than a sentence of one clause can. */
export function read(text: string): Sentence | null {
  for (const [pattern, make] of PATTERNS) {
    const parts = pattern.exec(text.trim())
    if (parts) return make(parts.slice(1))
  }
  return null
}

export function write({ form, low, high, over }: Sentence): string {
  switch (form) {
    case 'above': return `> ${high}`
    case 'below': return `< ${high}`
    case 'outside': return `outside ${low}..${high}`
    case 'inside': return `inside ${low}..${high}`
    case 'averageAbove': return `avg over ${over} > ${high}`
    case 'averageBelow': return `avg over ${over} < ${high}`
    case 'absent': return `no point for ${over}`
    case 'changed': return `change over ${over} > ±${high}%`
    case 'reaches': return `reaches ${high} within ${over}`
  }
}

export const hasLow = (form: Form) => form === 'outside' || form === 'inside'
export const hasHigh = (form: Form) => form !== 'absent'
export const hasLength = (form: Form) => !['above', 'below', 'outside', 'inside'].includes(form)
/** Which of its numbers are values of the series: lines on its graph. */
export function lines({ form, low, high }: Sentence): ('low' | 'high')[] {
  if (form === 'absent' || form === 'changed') return []
  return hasLow(form) && low <= high ? ['low', 'high'] : ['high']
}

/** The lines that a condition draws on the graph of its series. */
export function levelsOf(text: string, state: Level['state']): (Level & { which: 'low' | 'high' })[] {
  const sentence = read(text)
  return sentence ? lines(sentence).map((which) => ({ at: sentence[which], state, which })) : []
}

/** A tenth nearer to what is seen, or a tenth farther: it fires more, or less. */
export function moved(sentence: Sentence, how: 'stricter' | 'calmer', seen: { min: number; max: number } | null): Sentence {
  const { form, low, high, over } = sentence
  const size = Math.max(Math.abs(high), Math.abs(low), seen ? seen.max - seen.min : 0, 1e-9) / 10
  const sign = how === 'stricter' ? 1 : -1
  switch (form) {
    case 'above': case 'averageAbove': case 'changed': case 'reaches': return { ...sentence, high: rounded(high - sign * size) }
    case 'below': case 'averageBelow': return { ...sentence, high: rounded(high + sign * size) }
    case 'outside': return apart({ ...sentence, low: rounded(low + sign * size), high: rounded(high - sign * size) }, sentence)
    case 'inside': return apart({ ...sentence, low: rounded(low - sign * size), high: rounded(high + sign * size) }, sentence)
    case 'absent': return { ...sentence, over: scaled(over, how === 'stricter' ? 0.5 : 2) }
  }
}

const apart = (wanted: Sentence, otherwise: Sentence) => (wanted.low < wanted.high ? wanted : otherwise)

const UNITS = [['d', 86_400], ['h', 3600], ['min', 60], ['s', 1]] as const

/** In the largest unit that divides it. */
export function scaled(length: string, by: number): string {
  const [, count, unit] = /^(\d+)(\w+)$/.exec(tidy(length)) ?? ['', '60', 's']
  const size = UNITS.find(([name]) => name === unit)?.[1] ?? (unit === 'w' ? 604_800 : 1)
  const seconds = Math.max(1, Math.round(Number(count) * size * by))
  const [name, whole] = UNITS.find(([, of]) => seconds % of === 0) ?? ['s', 1]
  return `${seconds / whole}${name}`
}

/** As few digits as a threshold needs: three that count. */
export function rounded(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(3))
}
