/** The part of Markdown that people write in playbooks, as blocks to draw. No HTML is ever made of it: what is none of these stays text. Pure. */

export type Inline = { kind: 'text' | 'code' | 'strong' | 'em'; text: string } | { kind: 'link'; text: string; href: string }
export type Item = { text: Inline[]; raw: string; depth: number; /** null: no task. */ box: boolean | null }
export type Block =
  | { kind: 'heading'; level: number; text: Inline[] }
  | { kind: 'paragraph'; text: Inline[] }
  | { kind: 'quote'; text: Inline[] }
  | { kind: 'code'; text: string }
  | { kind: 'list'; ordered: boolean; first: number; items: Item[] }
  | { kind: 'rule' }

const ITEM = /^(\s*)(?:([-*+])|(\d{1,9})[.)])\s+(?:\[([ xX])\]\s+)?(.*)$/
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/
const FENCE = /^\s*(```+|~~~+)/
const RULE = /^\s*([-*_])(?:\s*\1){2,}\s*$/
const INLINE = /`([^`]+)`|\*\*(\S(?:.*?\S)?)\*\*|(?<![\w*])[*_](\S(?:.*?\S)?)[*_](?![\w*])|\[([^\]]+)\]\(([^()\s]+)\)|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?'"])/g
/** Deeper than this reads as this. */
const MOST_DEPTH = 3

export function inlines(text: string): Inline[] {
  const found: Inline[] = []
  let through = 0
  const plain = (until: number) => until > through && found.push({ kind: 'text', text: text.slice(through, until) })
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, strong, em, label, href, bare] = match
    plain(match.index)
    if (code !== undefined) found.push({ kind: 'code', text: code })
    else if (strong !== undefined) found.push({ kind: 'strong', text: strong })
    else if (em !== undefined) found.push({ kind: 'em', text: em })
    else if (isAddress(href ?? bare)) found.push({ kind: 'link', text: label ?? bare, href: href ?? bare })
    else found.push({ kind: 'text', text: whole })
    through = match.index + whole.length
  }
  plain(text.length)
  return found
}

/** Nothing that runs: only pages, mail, numbers to call, and places of our own. */
const isAddress = (href: string) => /^(https?:\/\/|mailto:|tel:|\/(?!\/)|#)/i.test(href)

export function blocks(text: string): Block[] {
  const lines = text.replace(/\r\n?/g, '\n').split('\n')
  const made: Block[] = []
  let at = 0
  while (at < lines.length) {
    const [block, next] = blockAt(lines, at)
    if (block) made.push(block)
    at = next
  }
  return made
}

function blockAt(lines: string[], at: number): [Block | null, number] {
  const line = lines[at]
  if (line.trim() === '') return [null, at + 1]
  const fence = FENCE.exec(line)
  if (fence) return fenced(lines, at, fence[1])
  const heading = HEADING.exec(line)
  if (heading) return [{ kind: 'heading', level: heading[1].length, text: inlines(heading[2]) }, at + 1]
  if (RULE.test(line)) return [{ kind: 'rule' }, at + 1]
  if (ITEM.test(line)) return list(lines, at)
  const quoted = line.startsWith('>')
  let end = at + 1
  while (end < lines.length && lines[end].trim() !== '' && lines[end].startsWith('>') === quoted && !begins(lines[end])) end++
  const said = lines.slice(at, end).map((one) => one.replace(quoted ? /^>\s?/ : /^\s+/, '')).join(' ')
  return [{ kind: quoted ? 'quote' : 'paragraph', text: inlines(said) }, end]
}

const begins = (line: string) => FENCE.test(line) || HEADING.test(line) || ITEM.test(line)

function fenced(lines: string[], at: number, mark: string): [Block, number] {
  let end = at + 1
  while (end < lines.length && !lines[end].trim().startsWith(mark)) end++
  return [{ kind: 'code', text: lines.slice(at + 1, end).join('\n') }, end + 1]
}

function list(lines: string[], at: number): [Block, number] {
  const first = ITEM.exec(lines[at])!
  const items: Item[] = []
  let end = at
  for (; end < lines.length; end++) {
    const [, indent, , , box, said] = ITEM.exec(lines[end]) ?? []
    if (said !== undefined) items.push({ text: inlines(said), raw: said, depth: Math.min(MOST_DEPTH, Math.floor(indent.replace(/\t/g, '    ').length / 2)), box: box === undefined ? null : box !== ' ' })
    else if (/^\s+\S/.test(lines[end]) && !FENCE.test(lines[end])) {
      // A line further in goes on with the item above it.
      const last = items[items.length - 1]
      last.raw = `${last.raw} ${lines[end].trim()}`
      last.text = inlines(last.raw)
    } else break
  }
  return [{ kind: 'list', ordered: first[3] !== undefined, first: Number(first[3] ?? 1), items }, end]
}
