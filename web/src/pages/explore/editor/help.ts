/** Graphite's function texts are reStructuredText; one plain sentence of them is what a hint needs. */
import type { FunctionParam } from '../../../api/types.ts'
import { words } from '../../../words.ts'

export function firstSentence(text: string): string {
  const plain = plainText(text)
  return /^.*?[.!?](?=\s|$)/s.exec(plain)?.[0] ?? plain.slice(0, 160)
}

export function plainText(text: string): string {
  return text
    .split(/\n\s*(?:Example|\.\. code-block)/)[0]
    .replace(/``?([^`]+)``?/g, '$1')
    .replace(/:\w+:/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}

const MOST_VALUES = 12

/** What a parameter takes, in words. */
export function kindOf({ type, required, multiple, default: value, options, suggestions }: FunctionParam): string {
  const k = words.explore.kinds
  const some = (values: unknown[]) => values.slice(0, MOST_VALUES).map(String).join(', ') + (values.length > MOST_VALUES ? ', …' : '')
  const plain = k.of[type] ?? type
  const kind = options?.length ? k.oneOf(some(options)) : suggestions?.length ? k.such(plain, some(suggestions.slice(0, 4))) : plain
  if (multiple) return k.several(kind)
  if (required) return k.needed(kind)
  return value === null || value === undefined ? kind : k.otherwise(kind, String(value))
}
