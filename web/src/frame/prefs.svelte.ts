/** What this browser remembers: theme, zone, whether single keys act. */
import { themeChanged } from '../chart/palette.ts'
import type { Zone } from '../plain/place.ts'

export type Theme = 'system' | 'light' | 'dark'
export const THEMES: Theme[] = ['system', 'light', 'dark']

export function remembered<T extends string>(key: string, allowed: readonly T[], otherwise: T): T {
  try {
    const value = localStorage.getItem(key) as T | null
    return value !== null && allowed.includes(value) ? value : otherwise
  } catch {
    return otherwise
  }
}

export function remember(key: string, value: string) {
  try {
    localStorage.setItem(key, value)
  } catch {
    // Storage may be forbidden; then the choice lasts as long as the page.
  }
}

class Prefs {
  theme = $state<Theme>(remembered('theme', THEMES, 'system'))
  zone = $state<Zone>(remembered('zone', ['local', 'utc'] as const, 'local'))
  keys = $state<'on' | 'off'>(remembered('keys', ['on', 'off'] as const, 'on'))

  constructor() {
    this.#wear()
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', themeChanged)
  }

  setTheme(theme: Theme) {
    this.theme = theme
    remember('theme', theme)
    this.#wear()
    themeChanged()
  }

  setZone(zone: Zone) {
    this.zone = zone
    remember('zone', zone)
  }

  setKeys(keys: 'on' | 'off') {
    this.keys = keys
    remember('keys', keys)
  }

  #wear() {
    if (this.theme === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = this.theme
  }
}

export const prefs = new Prefs()
