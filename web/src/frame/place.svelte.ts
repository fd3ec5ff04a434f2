/** Where we are: the URL as state, and every way to change it. */
import { addressOf, frozen, pathOf, PATHS, placeOf, type PageName, type Place, type Room, type Zone } from '../plain/place.ts'
import { fixed, isLive, live, shifted, windowOf, zoomed, type Span, type Window } from '../plain/span.ts'
import { now } from '../live/time.ts'
import { prefs } from './prefs.svelte.ts'

const HABITS: Record<PageName, Span> = {
  home: { from: '-5min', to: 'now' },
  services: { from: '-1h', to: 'now' },
  service: { from: '-1h', to: 'now' },
  monitors: { from: '-24h', to: 'now' },
  monitor: { from: '-24h', to: 'now' },
  editor: { from: '-24h', to: 'now' },
  incidents: { from: '-7d', to: 'now' },
  oncall: { from: '-24h', to: 'now' },
  errors: { from: '-24h', to: 'now' },
  posts: { from: '-24h', to: 'now' },
  explore: { from: '-1h', to: 'now' },
  changes: { from: '-7d', to: 'now' },
  reports: { from: '-30d', to: 'now' },
  proof: { from: '-30d', to: 'now' },
  settings: { from: '-1h', to: 'now' },
  data: { from: '-15min', to: 'now' },
  unknown: { from: '-1h', to: 'now' },
}

class Here {
  place = $state.raw<Place>(placeOf(new URL(location.href)))

  constructor() {
    addEventListener('popstate', () => (this.place = placeOf(new URL(location.href))))
  }

  get span(): Span {
    return this.place.span ?? HABITS[this.place.page]
  }

  get window(): Window {
    return windowOf(this.span, now())
  }

  get live(): boolean {
    return isLive(this.span)
  }

  get zone(): Zone {
    return this.place.zone ?? prefs.zone
  }

  /** A step that "back" undoes; `replace` is for what is still being typed. */
  go(change: Partial<Place>, how: 'push' | 'replace' = 'push') {
    const address = addressOf({ ...this.place, ...change })
    if (address === location.pathname + location.search) return
    if (how === 'push') history.pushState(null, '', address)
    else history.replaceState(null, '', address)
    this.place = placeOf(new URL(location.href))
  }

  goTo(address: string) {
    history.pushState(null, '', address)
    this.place = placeOf(new URL(location.href))
    scrollTo(0, 0)
  }

  /** The window and the zone follow from page to page; the rest belongs to the page. */
  address(page: Room, change: Partial<Place> = {}): string {
    const { span, zone } = this.place
    return addressOf({ page, path: PATHS[page], item: null, span, zone, targets: [], selection: null, more: {}, ...change })
  }

  /** Of one thing of a list. */
  itemAddress(room: 'services' | 'monitors' | 'incidents' | 'errors' | 'proof', item: string, more: Record<string, string> = {}): string {
    return this.address(room, { path: pathOf(room, item), more })
  }

  /** Of a release; the project by its number or its name. */
  releaseAddress(project: number | string, release: string): string {
    return this.address('errors', { more: { tab: 'releases', project: String(project), release } })
  }

  more(key: string, value: string | null, how: 'push' | 'replace' = 'push') {
    const { [key]: _, ...rest } = this.place.more
    this.go({ more: value === null ? rest : { ...rest, [key]: value } }, how)
  }

  look(span: Span) {
    this.go({ span })
  }

  lookAt(window: Window) {
    this.look(fixed(window))
  }

  shift(direction: 1 | -1) {
    this.look(shifted(this.window, direction, now()))
  }

  zoom(direction: 'in' | 'out') {
    this.look(zoomed(this.span, direction, now()))
  }

  /** Live: hold this moment. Held: the same length of time, up to now. */
  togglePause() {
    if (this.live) this.lookAt(this.window)
    else this.look(live(this.window))
  }

  toggleZone() {
    const zone = this.zone === 'utc' ? 'local' : 'utc'
    prefs.setZone(zone)
    this.go({ zone }, 'replace')
  }

  /** The whole address of this moment, or of the live page. */
  link(kind: 'fixed' | 'live'): string {
    const { place } = this
    if (kind === 'fixed') return location.origin + addressOf(frozen({ ...place, zone: this.zone }, this.window))
    return location.origin + addressOf({ ...place, span: this.live ? this.span : live(this.window) })
  }
}

export const here = new Here()

/** For plain links: stay inside the page, leave modified clicks to the browser. */
export function follow(event: MouseEvent) {
  const link = (event.target as Element | null)?.closest?.('a[href^="/"]') as HTMLAnchorElement | null
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey
  if (!link || !plain || link.target || link.hasAttribute('download') || link.dataset.outside !== undefined) return
  event.preventDefault()
  here.goTo(link.getAttribute('href')!)
}
