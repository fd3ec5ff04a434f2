/** Everything a key or a command can do, in one table: keyboard, key list and command palette read it. */
import { copyText } from '../parts/clipboard.ts'
import type { IconName } from '../parts/Icon.svelte'
import { words } from '../words.ts'
import { here } from './place.svelte.ts'
import { prefs, THEMES } from './prefs.svelte.ts'
import { opened } from './opened.svelte.ts'

export type Action = {
  id: string
  /** `g h` is one key after the other. */
  keys: string[]
  title: string
  group: keyof typeof words.keys.groups
  icon?: IconName
  /** In the palette too; keys that only move a cursor are not. */
  command?: boolean
  run?: () => void
}

const { list } = words.keys

const always: Action[] = [
  { id: 'help', keys: ['?'], title: list.help, group: 'everywhere', command: true, run: () => (opened.keys = true) },
  { id: 'search', keys: ['/'], title: list.search, group: 'everywhere', run: () => (opened.palette = true) },
  { id: 'home', keys: ['g h'], title: list.home, group: 'everywhere', icon: 'home', run: () => here.goTo(here.address('home')) },
  { id: 'services', keys: ['g s'], title: list.services, group: 'everywhere', icon: 'services', run: () => here.goTo(here.address('services')) },
  { id: 'monitors', keys: ['g m'], title: list.monitors, group: 'everywhere', icon: 'monitors', run: () => here.goTo(here.address('monitors')) },
  { id: 'incidents', keys: ['g i'], title: list.incidents, group: 'everywhere', icon: 'incidents', run: () => here.goTo(here.address('incidents')) },
  { id: 'explore', keys: ['g e'], title: list.explore, group: 'everywhere', icon: 'explore', run: () => here.goTo(here.address('explore')) },
  { id: 'oncall', keys: ['g o'], title: list.oncall, group: 'everywhere', icon: 'bell', run: () => here.goTo(here.address('oncall')) },
  { id: 'errors', keys: ['g x'], title: list.errors, group: 'everywhere', icon: 'errors', run: () => here.goTo(here.address('errors')) },
  { id: 'changes', keys: ['g c'], title: list.changes, group: 'everywhere', icon: 'clock', run: () => here.goTo(here.address('changes')) },
  { id: 'reports', keys: ['g r'], title: list.reports, group: 'everywhere', icon: 'table', run: () => here.goTo(here.address('reports')) },
  { id: 'posts', keys: ['g p'], title: list.posts, group: 'everywhere', icon: 'book', run: () => here.goTo(here.address('posts')) },
  { id: 'settings', keys: ['g ,'], title: list.settings, group: 'everywhere', icon: 'settings', run: () => here.goTo(here.address('settings')) },
  { id: 'data', keys: ['g d'], title: list.data, group: 'everywhere', icon: 'data', run: () => here.goTo(here.address('data')) },
  { id: 'declare', keys: ['!'], title: list.declare, group: 'everywhere', icon: 'incidents', command: true, run: () => here.goTo(here.address('incidents', { more: { declare: '1' } })) },
  { id: 'copyFixed', keys: ['s'], title: list.copyFixed, group: 'everywhere', command: true, run: () => void copyLink('fixed') },
  { id: 'copyLive', keys: ['S'], title: list.copyLive, group: 'everywhere', command: true, run: () => void copyLink('live') },
  { id: 'time', keys: ['t'], title: list.time, group: 'time', command: true, run: () => (opened.time = true) },
  { id: 'back', keys: ['['], title: list.back, group: 'time', command: true, run: () => here.shift(-1) },
  { id: 'forward', keys: [']'], title: list.forward, group: 'time', command: true, run: () => here.shift(1) },
  { id: 'closer', keys: ['+', '='], title: list.closer, group: 'time', command: true, run: () => here.zoom('in') },
  { id: 'wider', keys: ['-'], title: list.wider, group: 'time', command: true, run: () => here.zoom('out') },
  { id: 'live', keys: ['l'], title: list.live, group: 'time', command: true, run: () => here.togglePause() },
  { id: 'zone', keys: ['z'], title: list.zone, group: 'time', command: true, run: () => here.toggleZone() },
  { id: 'cursor', keys: ['←', '→'], title: list.cursor, group: 'graph' },
  { id: 'ends', keys: ['Home', 'End'], title: list.ends, group: 'graph' },
]

export const themeActions: Action[] = THEMES.map((theme) => ({
  id: `theme-${theme}`, keys: [], title: words.palette.theme(words.top.themes[theme]), group: 'everywhere', command: true, run: () => prefs.setTheme(theme),
}))

class Actions {
  #ofPage = $state.raw<Action[]>([])

  get all(): Action[] {
    return [...always, ...this.#ofPage]
  }

  get commands(): Action[] {
    return [...this.all.filter((action) => action.command), ...themeActions]
  }

  /** A page's own; gone when it leaves. */
  register(actions: Action[]): () => void {
    this.#ofPage = actions
    return () => {
      if (this.#ofPage === actions) this.#ofPage = []
    }
  }
}

export const actions = new Actions()

async function copyLink(kind: 'fixed' | 'live') {
  await copyText(here.link(kind))
  opened.say(kind === 'fixed' ? words.top.copiedFixed : words.top.copiedLive)
}
