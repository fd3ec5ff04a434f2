/** What a series' name tells by itself: its nodes, what sets it apart from its neighbours, its unit. */
import type { Unit } from './number.ts'

/** The nodes of a plain name; dots inside braces, parentheses or tags do not split. */
export function nodes(name: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < name.length; i++) {
    const c = name[i]
    if (c === '{' || c === '(') depth++
    else if (c === '}' || c === ')') depth--
    else if (c === ';') break
    else if (c === '.' && depth === 0) {
      parts.push(name.slice(start, i))
      start = i + 1
    }
  }
  parts.push(name.slice(start))
  return parts
}

/** Names without the nodes that all of them share in front and behind; one name alone stays its last two nodes. */
export function shortNames(names: string[]): string[] {
  if (names.length === 0) return names
  const plain = names.filter((name) => /^[^()"']+$/.test(name))
  if (plain.length === 0 && names.length > 1) return differences(names)
  if (plain.length < names.length) return besideFunctions(names, plain)
  const split = names.map(nodes)
  if (names.length === 1) return [split[0].slice(-2).join('.')]
  const shortest = Math.min(...split.map((parts) => parts.length))
  const same = (at: (parts: string[]) => string) => split.every((parts) => at(parts) === at(split[0]))
  let front = 0
  while (front < shortest - 1 && same((parts) => parts[front])) front++
  let back = 0
  while (back < shortest - 1 - front && same((parts) => parts[parts.length - 1 - back])) back++
  const short = split.map((parts) => parts.slice(front, parts.length - back).join('.'))
  return new Set(short).size === names.length ? withoutCommonEnd(short) : names
}

/** `user_percent`, `system_percent`: what all end with is said by the unit. */
function withoutCommonEnd(names: string[]): string[] {
  const end = /_[a-z]+$/.exec(names[0])?.[0]
  const shared = end !== undefined && names.every((name) => name.endsWith(end) && name.length > end.length)
  return shared ? withoutCommonEnd(names.map((name) => name.slice(0, -end.length))) : names
}

/** Results of one function among others are its name and what sets them apart; plain names are shortened as if they were alone. */
function besideFunctions(names: string[], plain: string[]): string[] {
  const groups = new Map<string, string[]>()
  for (const name of names) if (!plain.includes(name)) groups.set(shapeOf(name), [...(groups.get(shapeOf(name)) ?? []), name])
  const short = new Map(shortNames(plain).map((text, index) => [plain[index], text]))
  for (const group of groups.values()) {
    const apart = group.length > 1 ? differences(group) : group
    group.forEach((name, index) => short.set(name, apart[index] === name ? name : `${name.split('(')[0]} ${apart[index]}`))
  }
  const all = names.map((name) => short.get(name) ?? name)
  return new Set(all).size === new Set(names).size ? all : names
}

/** A text without what names are made of: equal for results of the same function over the same number of nodes. */
const shapeOf = (name: string) => `${name.split('(')[0]} ${name.replace(/[\w-]+/g, '')}`

/** Results of one function differ in what it was applied to: `asPercent(up.box.failed,up.box.done)` is `box`. */
function differences(names: string[]): string[] {
  const split = names.map((name) => name.split(/([^\w-]+)/))
  if (split.some((parts) => parts.length !== split[0].length)) return names
  const differing = split[0].flatMap((_, at) => (split.some((parts) => parts[at] !== split[0][at]) ? [at] : []))
  const short = split.map((parts) => [...new Set(differing.map((at) => parts[at]))].join('.'))
  return new Set(short).size === names.length && short.every((name) => /\w/.test(name)) ? short : names
}

const GUESSES: [RegExp, Unit][] = [
  [/(^|[._-])(percent|pct|percentage|utili[sz]ation)($|[._-])/, '%'],
  [/(^|[._-])(bytes|octets)_?(per_second|ps|rate)($|[._-])/, 'B/s'],
  [/(^|[._-])(bytes|octets|rss|resident|heap)($|[._-])/, 'B'],
  [/(^|[._-])(ms|millis|milliseconds)($|[._-])/, 'ms'],
  [/(^|[._-])(seconds|secs)($|[._-])/, 's'],
  [/^stats\.timers\..*\.(upper|lower|mean|median|std|sum)(_-?[\d_]+)?$/, 'ms'],
  [/\.(count_ps|m1_rate|m5_rate|m15_rate|mean_rate|rate)$/, '/s'],
]

/** Whatever unit its series have, a share is a percentage. */
export const isShare = (name: string) => /^(\w+\()*asPercent\(/.test(name)

/** The unit that a name gives away, where the server did not tell. */
export function guessUnit(name: string): Unit {
  if (isShare(name)) return '%'
  const inner = /^[A-Za-z]+\(/.test(name) ? '' : name.split(';')[0].toLowerCase()
  return GUESSES.find(([pattern]) => pattern.test(inner))?.[1] ?? null
}

/** A target that shows this series and no other: pattern characters in a name are quoted. */
export function asTarget(name: string): string {
  if (!name.includes(';')) return name.replace(/[*?[\]{}(),'"|\\]/g, '\\$&')
  const [metric, ...tags] = name.split(';')
  const expressions = [`name=${metric}`, ...tags].map((tag) => `'${tag}'`)
  return `seriesByTag(${expressions.join(', ')})`
}
