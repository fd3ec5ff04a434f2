/** This browser as a way to be reached: it subscribes at the push service that it has chosen itself. */

export const WORKER = '/sw.js'

/** Why this browser cannot; null: it can. */
export function cannot(): 'insecure' | 'unable' | 'denied' | null {
  if (!window.isSecureContext) return 'insecure'
  if (!('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window)) return 'unable'
  return Notification.permission === 'denied' ? 'denied' : null
}

/** What it says of itself, to be kept by the server; null: the person did not allow it. */
export async function subscribe(key: string): Promise<string | null> {
  if ((await Notification.requestPermission()) !== 'granted') return null
  await navigator.serviceWorker.register(WORKER)
  const { pushManager } = await navigator.serviceWorker.ready
  const before = await pushManager.getSubscription()
  // One that was made with another key of the server is of no use.
  if (before && !sameKey(before, key)) await before.unsubscribe()
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) })
  return JSON.stringify(subscription)
}

/** Where this browser is reached now, if it has subscribed. */
export async function subscribed(): Promise<string | null> {
  if (cannot()) return null
  const worker = await navigator.serviceWorker.getRegistration(WORKER)
  return (await worker?.pushManager.getSubscription())?.endpoint ?? null
}

export async function unsubscribe(endpoint: string) {
  const worker = await navigator.serviceWorker.getRegistration(WORKER)
  const subscription = await worker?.pushManager.getSubscription()
  if (subscription?.endpoint === endpoint) await subscription.unsubscribe()
}

function sameKey(subscription: PushSubscription, key: string): boolean {
  const used = subscription.options.applicationServerKey
  return used !== null && String(new Uint8Array(used)) === String(bytes(key))
}

export function bytes(text: string): Uint8Array<ArrayBuffer> {
  const letters = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0))
}

/** `Firefox on Linux`: which of one's browsers a subscription is. */
export function browserName(agent: string): string {
  const first = (known: [RegExp, string][]) => known.find(([pattern]) => pattern.test(agent))?.[1]
  const program = first([[/Edg\//, 'Edge'], [/Firefox\//, 'Firefox'], [/Chrome\//, 'Chrome'], [/Safari\//, 'Safari']]) ?? 'Browser'
  const system = first([[/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS/, 'macOS'], [/Linux/, 'Linux']])
  return system ? `${program} on ${system}` : program
}
