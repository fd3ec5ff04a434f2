/** Which function the caret stands in, and which of its arguments. */
import { functions } from '../../../api/calls.ts'
import { caretAt } from '../../../plain/target.ts'
import { firstSentence } from './help.ts'

export type Signature = { name: string; params: string[]; argument: number; help: string }

export async function signatureAt(text: string, position: number): Promise<Signature | null> {
  const { call, argument } = caretAt(text, position)
  if (!call) return null
  const known = await functions().catch(() => null)
  const found = known?.get(call)
  if (!found) return null
  const params = found.params.map(({ name, required }) => (required ? name : `${name}?`))
  return { name: call, params, argument: Math.min(argument, params.length - 1), help: firstSentence(found.description) }
}
