/** What the server says is wrong with a definition, by the key of its field. Pure. */

/** A place in a list is written `rules.2`, or `rules[2]`. */
const PATH = '[a-z_\\d]+(?:\\[\\d+\\])?(?:\\.[a-z_\\d]+(?:\\[\\d+\\])?)*'
const ABOUT = '(?: \\([^)]*\\))?: '
const BETWEEN = new RegExp(`; (?=${PATH}${ABOUT})`)
const PART = new RegExp(`^(${PATH})${ABOUT}(.*)$`, 's')

export type Wrongs = { at: Record<string, string>; rest: string }

/** `layer.0.rotation (layer 1): why; name: why`. Of a list of names or lines its field is meant. `rest`: what is of no field that the form has. */
export function wrongsOf(message: string, fields: string[]): Wrongs {
  const at: Record<string, string> = {}
  const rest: string[] = []
  for (const part of message.split(BETWEEN)) {
    const [, written = '', why = part] = PART.exec(part) ?? []
    const key = written.replace(/\[(\d+)\]/g, '.$1')
    const field = [key, key.replace(/\.\d+$/, '')].find((one) => fields.includes(one))
    if (field === undefined) rest.push(part)
    else at[field] = at[field] ? `${at[field]}; ${why}` : why
  }
  return { at, rest: rest.join('; ') }
}
