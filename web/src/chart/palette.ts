/** The theme's colours as a canvas wants them: resolved. Read again when the theme changes. */

export type Colours = { text: string; muted: string; grid: string; line: string; hatch: string; accent: string; surface: string; warning: string; critical: string; series: string[] }

let cached: Colours | null = null

export function colours(): Colours {
  cached ??= read()
  return cached
}

const listeners = new Set<() => void>()
export function onTheme(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function themeChanged() {
  cached = null
  for (const listener of listeners) listener()
}

/** `light-dark()` is only resolved where a colour is used, so a probe wears each one. */
function read(): Colours {
  const probe = document.createElement('i')
  document.body.append(probe)
  const of = (token: string) => {
    probe.style.color = `var(--${token})`
    return getComputedStyle(probe).color
  }
  const all: Colours = {
    text: of('text'),
    muted: of('muted'),
    grid: of('grid'),
    line: of('line'),
    hatch: of('hatch'),
    accent: of('accent'),
    surface: of('surface'),
    warning: of('warning'),
    critical: of('critical'),
    series: [0, 1, 2, 3, 4, 5].map((index) => of(`series-${index}`)),
  }
  probe.remove()
  return all
}

export function faded(colour: string, alpha: number): string {
  return `color-mix(in srgb, ${colour} ${Math.round(alpha * 100)}%, transparent)`
}
