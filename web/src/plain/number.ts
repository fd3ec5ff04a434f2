/** Numbers with units, short enough for a table and exact enough to trust. Narrow spaces group and separate. */

export type Unit = string | null

/** Narrow, and never a place to break a line. */
const THIN = '\u202f'
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
/** From which value on, divided by what, and its letter: 9999 is read in full, 10,000 as 10 k. */
const LARGE: [number, number, string][] = [[1e15, 1e15, 'P'], [1e12, 1e12, 'T'], [1e9, 1e9, 'G'], [1e6, 1e6, 'M'], [1e4, 1e3, 'k']]

/** What stands for a number that is not there. Never 0. */
export const ABSENT = '–'

export function formatted(value: number | null | undefined, unit: Unit = null): string {
  if (value === null || value === undefined || Number.isNaN(value)) return ABSENT
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  const text = Math.abs(value)
  const sign = value < 0 ? '−' : ''
  return sign + positive(text, unit)
}

function positive(value: number, unit: Unit): string {
  switch (unit) {
    case 'B':
    case 'bytes':
      return inSteps(value, 1024, BINARY)
    case 'B/s':
    case 'bytes/s':
      return inSteps(value, 1024, BINARY) + '/s'
    case '%':
    case 'percent':
      return `${value < 1 ? Number(value.toFixed(2)) : digits(value, 3)}${THIN}%`
    case 'ms':
      return value === 0 ? `0${THIN}ms` : duration(value / 1000)
    case 's':
    case 'seconds':
      return duration(value)
    default:
      return scaled(value) + (unit ? THIN + unit : '')
  }
}

function inSteps(value: number, step: number, names: string[]): string {
  let size = value
  let index = 0
  while (size >= step * 0.9995 && index < names.length - 1) {
    size /= step
    index++
  }
  return `${digits(size, 3)}${THIN}${names[index]}`
}

function scaled(value: number): string {
  for (const [least, size, letter] of LARGE) {
    if (value >= least * 0.99995) return digits(value / size, 3) + THIN + letter
  }
  return digits(value, 3)
}

/** `count` significant digits, never an exponent for what people meet; whole numbers below 10,000 in full. */
export function digits(value: number, count: number): string {
  if (value === 0) return '0'
  if (Number.isInteger(value) && value < 10_000) return grouped(String(value))
  const places = Math.min(8, Math.max(0, count - 1 - Math.floor(Math.log10(value))))
  const text = value.toFixed(places)
  if (Number(text) === 0) return value.toExponential(1)
  return grouped(text.includes('.') ? text.replace(/\.?0+$/, '') : text)
}

function grouped(text: string): string {
  const [whole, part] = text.split('.')
  const spaced = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN) : whole
  return part === undefined ? spaced : `${spaced}.${part}`
}

/** A whole number in full: counts of series, dropped packets. */
export function counted(value: number | null | undefined): string {
  if (value === null || value === undefined) return ABSENT
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, THIN)
}

export function duration(seconds: number): string {
  if (seconds === 0) return `0${THIN}s`
  if (seconds < 1e-3) return `${digits(seconds * 1e6, 3)}${THIN}µs`
  if (seconds < 1) return `${digits(seconds * 1e3, 3)}${THIN}ms`
  if (seconds < 120) return `${digits(seconds, 3)}${THIN}s`
  if (seconds < 600) return twoUnits(seconds, 60, 'min', 1, 's')
  if (seconds < 7200) return `${Math.round(seconds / 60)}${THIN}min`
  if (seconds < 172_800) return twoUnits(seconds, 3600, 'h', 60, 'min')
  return twoUnits(seconds, 86_400, 'd', 3600, 'h')
}

/** `9 s`, `5 min`, `27 h`, `12 d`: in whole ones of its largest unit, for a narrow column. */
export function shortDuration(seconds: number): string {
  const whole = (size: number, name: string) => `${counted(Math.floor(seconds / size))}${THIN}${name}`
  if (seconds < 60) return whole(1, 's')
  if (seconds < 7200) return whole(60, 'min')
  return seconds < 172_800 ? whole(3600, 'h') : whole(86_400, 'd')
}

/** `5 min 49 s`, `3 h`, `2 d 4 h`: as one says it. */
function twoUnits(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const all = Math.round(seconds / small)
  const [whole, rest] = [Math.floor((all * small) / large), all % (large / small)]
  const first = `${counted(whole)}${THIN}${largeName}`
  return rest === 0 ? first : `${first} ${rest}${THIN}${smallName}`
}
