/** Undo and redo of something that is replaced as a whole. Pure. */

const MOST = 100

export type Steps<T> = { past: T[]; future: T[]; run: boolean }

export const noSteps = <T>(): Steps<T> => ({ past: [], future: [], run: false })

/** Before a change. What is still being typed is one step, however many changes it takes. */
export function stepped<T>({ past, run }: Steps<T>, now: T, typing: boolean): Steps<T> {
  return { past: typing && run ? past : [...past, now].slice(-MOST), future: [], run: typing }
}

export function undone<T>({ past, future }: Steps<T>, now: T): { steps: Steps<T>; then: T } | null {
  return past.length === 0 ? null : { then: past[past.length - 1], steps: { past: past.slice(0, -1), future: [now, ...future], run: false } }
}

export function redone<T>({ past, future }: Steps<T>, now: T): { steps: Steps<T>; then: T } | null {
  return future.length === 0 ? null : { then: future[0], steps: { past: [...past, now], future: future.slice(1), run: false } }
}
