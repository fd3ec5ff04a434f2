/** What people do with errors, with one or with many. */
import { Trouble } from '../../api/client.ts'
import { change, type Change } from '../../api/errors.ts'

/** So many at once: the server writes each to its disk. */
const AT_ONCE = 4

/** Those that were not changed, and why the first was not. */
export async function changeAll(ids: number[], what: Change, act: (id: number, what: Change) => Promise<unknown> = change): Promise<{ failed: number[]; trouble: Trouble | null }> {
  const failed: number[] = []
  let trouble: Trouble | null = null
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const some = ids.slice(start, start + AT_ONCE)
    const done = await Promise.allSettled(some.map((id) => act(id, what)))
    done.forEach((one, index) => {
      if (one.status === 'fulfilled') return
      if (!(one.reason instanceof Trouble)) throw one.reason
      failed.push(some[index])
      trouble ??= one.reason
    })
  }
  return { failed, trouble }
}
