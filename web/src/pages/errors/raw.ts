/** Stacks as each language prints them, and a whole error as Markdown. Pure. */
import type { ErrorEvent, WholeGroup } from '../../api/errors.ts'
import { exceptionsOf, messageOf, platformOf, text, type Exception, type Frame } from './event.ts'
import { TELLS } from './model.ts'

/** `python` prints what was caused by what from the cause on, and the crash last. */
type Style = { crashLast: boolean; head: (one: Exception) => string; foot: (one: Exception) => string; frame: (frame: Frame) => string; cause: string }

const sentence = ({ type, value }: Exception) => [type, value].filter(Boolean).join(': ')
const place = ({ file, line, column }: Frame) => [file, line, column].filter((part) => part !== null && part !== '').join(':')
const named = ({ module, name }: Frame) => (module && name ? `${module}.${name}` : name || module)

const STYLES: Record<'python' | 'javascript' | 'java' | 'ruby' | 'php' | 'go', Style> = {
  python: {
    crashLast: true, head: ({ frames }) => (frames.length ? 'Traceback (most recent call last):' : ''), foot: sentence, cause: '\nThe above exception was the direct cause of the following exception:\n',
    frame: ({ file, line, name, code }) => `  File "${file}"${line === null ? '' : `, line ${line}`}${name ? `, in ${name}` : ''}${code === null ? '' : `\n    ${code.trim()}`}`,
  },
  javascript: { crashLast: false, head: sentence, foot: () => '', cause: 'Caused by: ', frame: (frame) => (frame.name ? `    at ${frame.name} (${place(frame)})` : `    at ${place(frame)}`) },
  java: { crashLast: false, head: (one) => sentence({ ...one, type: [one.module, one.type].filter(Boolean).join('.') }), foot: () => '', cause: 'Caused by: ', frame: (frame) => `\tat ${named(frame)}(${place({ ...frame, column: null }) || 'Unknown Source'})` },
  ruby: { crashLast: false, head: ({ type, value }) => `${value} (${type})`, foot: () => '', cause: 'Caused by: ', frame: (frame) => `\tfrom ${place({ ...frame, column: null })}:in '${named(frame)}'` },
  php: { crashLast: false, head: (one) => `PHP Fatal error:  Uncaught ${sentence(one)}`, foot: () => '', cause: 'Previous: ', frame: (frame) => `  ${frame.file}(${frame.line ?? '?'}): ${named(frame)}()` },
  go: { crashLast: false, head: (one) => `panic: ${sentence(one)}\n`, foot: () => '', cause: 'caused by: ', frame: (frame) => `${named(frame)}(...)\n\t${place({ ...frame, column: null })}` },
}
const SAME: Record<string, keyof typeof STYLES> = { python: 'python', java: 'java', kotlin: 'java', scala: 'java', csharp: 'java', ruby: 'ruby', php: 'php', go: 'go' }

function printed(one: Exception, style: Style): string {
  const frames = style.crashLast ? [...one.frames].reverse() : one.frames
  return [style.head(one), ...frames.map(style.frame), style.foot(one)].filter((line) => line !== '').join('\n')
}

/** What stood in the log. */
export function rawOf(event: ErrorEvent): string {
  const style = STYLES[SAME[platformOf(event)] ?? 'javascript']
  const chain = exceptionsOf(event)
  if (chain.length === 0) return messageOf(event)
  if (style.crashLast) return [...chain].reverse().map((one) => printed(one, style)).join(`\n${style.cause}\n`)
  return chain.map((one, index) => (index ? style.cause : '') + printed(one, style)).join('\n')
}

const MOST_TAGS = 8
/** Longer than what is within it. */
const fence = (inside: string) => '`'.repeat(Math.max(3, ...[...inside.matchAll(/`+/g)].map(([ticks]) => ticks.length + 1)))
const oneLine = (said: string) => said.replace(/\s+/g, ' ').trim()
const percent = (share: number) => `${Math.round(share * 100)} %`

/** For a ticket or a chat: what, how often, since when, where, and the stack. */
export function markdownOf(group: WholeGroup, event: ErrorEvent | null, link: string): string {
  const date = (at: number) => `${new Date(at * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`
  const stack = event ? rawOf(event) : ''
  const facts = [
    `${group.count} events, ${group.users} users; first ${date(group.first_seen)}, last ${date(group.last_seen)}`,
    group.culprit && `in ${oneLine(group.culprit)}`,
    group.release_first && `first in ${group.release_first}${group.release_last && group.release_last !== group.release_first ? `, last in ${group.release_last}` : ''}`,
    event && text(event.environment) && `environment ${text(event.environment)}`,
  ].filter(Boolean)
  const tags = tellingTags(group).slice(0, MOST_TAGS).map(({ key, value, share, usual }) => `- ${key} = ${oneLine(value)}: ${percent(share)}, normally ${percent(usual)}`)
  const parts = [`## [${group.short}](${link}) ${oneLine(group.title)}`, facts.map((fact) => `- ${fact}`).join('\n'), tags.join('\n'), stack && `${fence(stack)}\n${stack}\n${fence(stack)}`]
  return parts.filter(Boolean).join('\n\n') + '\n'
}

export type Telling = { key: string; value: string; share: number; usual: number }

/** What is here more often than elsewhere, the greatest difference first. */
export function tellingTags({ tags }: Pick<WholeGroup, 'tags'>): Telling[] {
  const all = tags.flatMap(({ key, values }) => values.map(({ value, share, usual }) => ({ key, value, share, usual })))
  return all.filter(({ share, usual }) => share - usual >= TELLS).sort((a, b) => b.share - b.usual - (a.share - a.usual))
}
