/** Colours as other eyes see them: contrast (WCAG 2.2), the three dichromacies (Machado 2009), distance (OKLab). */

export type Rgb = [number, number, number]
export type Sight = 'full' | 'protanopia' | 'deuteranopia' | 'tritanopia'
export const SIGHTS: Sight[] = ['full', 'protanopia', 'deuteranopia', 'tritanopia']

/** On linear light, rows give red, green and blue. */
const SEEN: Record<Sight, Rgb[]> = {
  full: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}

export function linear(hex: string): Rgb {
  const value = (at: number) => parseInt(hex.slice(at, at + 2), 16) / 255
  const light = (c: number) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  return [light(value(1)), light(value(3)), light(value(5))]
}

export function seen(hex: string, sight: Sight): Rgb {
  const from = linear(hex)
  const clamp = (x: number) => Math.min(1, Math.max(0, x))
  return SEEN[sight].map((row) => clamp(row[0] * from[0] + row[1] * from[1] + row[2] * from[2])) as Rgb
}

export function luminance([r, g, b]: Rgb): number {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

export function contrast(a: string, b: string, sight: Sight = 'full'): number {
  const [high, low] = [luminance(seen(a, sight)), luminance(seen(b, sight))].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}

function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}

/** How far apart two colours look; 0.02 is just noticeable side by side, 0.1 cannot be mistaken. */
export function distance(a: string, b: string, sight: Sight = 'full'): number {
  const [p, q] = [oklab(seen(a, sight)), oklab(seen(b, sight))]
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2])
}
