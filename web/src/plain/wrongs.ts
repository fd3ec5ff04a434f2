/** What the server says is wrong with a definition, by the key of its field. Pure. */

const KEY = '[a-z_]+(?:\\.[a-z_\\d]+)*(?: \\([^)]*\\))?: '
const BETWEEN = new RegExp(`; (?=${KEY})`)
const PART = /^([a-z_]+(?:\.[a-z_\d]+)*)(?: \([^)]*\))?: (.*)$/s

export type Wrongs = { at: Record<string, string>; rest: string }

/** `layer.0.rotation (layer 1): why; name: why`. Of a list of names or lines its field is meant. `rest`: what is of no field that the form has. */
export function wrongsOf(message: string, fields: string[]): Wrongs {
  const at: Record<string, string> = {}
  const rest: string[] = []
  for (const part of message.split(BETWEEN)) {
    const [, key = '', why = part] = PART.exec(part) ?? []
    const field = [key, key.replace(/\.\d+$/, '')].find((one) => fields.includes(one))
    if (field === undefined) rest.push(part)
    else at[field] = at[field] ? `${at[field]}; ${why}` : why
  }
  return { at, rest: rest.join('; ') }
}
