/** Texts that strangers wrote. Pure. */

/** Letters that nobody sees and that turn, or push, what stands behind them: with these a text reads as another than it is. Marks and isolates, which well-made Arabic and Hebrew texts have, end with their element. */
const TURNING = /[\u202a-\u202e]/g

/** Such letters are seen, as `[U+202E]`, wherever they are in what was told; everything else is as it was. */
export function readable<T>(told: T): T {
  if (typeof told === 'string') return told.replace(TURNING, (letter) => `[U+${letter.charCodeAt(0).toString(16).toUpperCase()}]`) as T
  if (Array.isArray(told)) return told.map(readable) as T
  if (typeof told !== 'object' || told === null) return told
  return Object.fromEntries(Object.entries(told).map(([key, value]) => [readable(key), readable(value)])) as T
}

/** As JSON, in which such letters stand by their number: it is read back as what it was. */
export const spelledOut = (told: unknown): string => JSON.stringify(told, null, 2).replace(TURNING, (letter) => `\\u${letter.charCodeAt(0).toString(16)}`)

/** Only of these: what is asked for by its own words stays as it is. */
export const readableIn = <T extends object>(told: T, ...keys: (keyof T)[]): T => ({ ...told, ...Object.fromEntries(keys.map((key) => [key, readable(told[key])])) })
