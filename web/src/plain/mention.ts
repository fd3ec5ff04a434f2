/** `@name` while it is written: where it begins, whom it may mean, and the text with the name in it. Pure. */

const MOST = 6
/** No name is longer; what lies further back is another word. */
const LONGEST = 100

export type Mention = { /** Where the `@` stands. */ at: number; typed: string }

/** What is being written before the caret. The `@` of a mail address names nobody: it stands within a word. Names may have blanks. */
export function mentionAt(text: string, caret: number): Mention | null {
  const before = text.slice(0, caret)
  const at = before.lastIndexOf('@')
  if (at < 0 || caret - at > LONGEST || /[\p{L}\p{N}._+/@-]$/u.test(before.slice(0, at))) return null
  const typed = before.slice(at + 1)
  return /^\s|\n/.test(typed) ? null : { at, typed }
}

/** Those whose name begins so before those in whose name another word does. One that is written out needs no help. */
export function meant(names: string[], typed: string): string[] {
  const low = typed.toLowerCase()
  const begins = names.filter((name) => name.toLowerCase().startsWith(low))
  const within = names.filter((name) => !begins.includes(name) && name.toLowerCase().split(/[\s._-]+/).some((word) => low !== '' && word.startsWith(low)))
  const found = [...begins, ...within].slice(0, MOST)
  return found.length === 1 && found[0] === typed ? [] : found
}

export function put(text: string, { at, typed }: Mention, name: string): { text: string; caret: number } {
  const after = text.slice(at + 1 + typed.length)
  const head = `${text.slice(0, at)}@${name}${/^\s/.test(after) ? '' : ' '}`
  return { text: head + after, caret: /^\s/.test(after) ? head.length + 1 : head.length }
}
