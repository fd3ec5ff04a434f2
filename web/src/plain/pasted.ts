/** Links in what people write, and which of them lead to graphs of ours: those can be drawn. Pure. */
import { placeOf } from './place.ts'
import { fixed, understood, windowOf, type Span } from './span.ts'

export type Pasted = { targets: string[]; span: Span }
/** `href` null: plain text. `inside`: a page of ours. */
export type Piece = { text: string; href: string | null; inside: boolean; graph: Pasted | null }

/** Targets hold parentheses, so that these belong to a link; addresses of ours may stand without the host. */
const LINK = /https?:\/\/[^\s<>"]+|(?<![\w/.])\/(?:explore|render)\/?\?[^\s<>"]+/g
/** More are not drawn beside one another, and not asked for. */
const MOST_TARGETS = 10
/** What Explore and Graphite show where a link does not say. */
const USUAL = { explore: { from: '-1h', to: 'now' }, render: { from: '-24h', to: 'now' } } as const

/** `at`: when it was written; what is relative in a link was meant from then. */
export function pieces(text: string, origin: string, at: number): Piece[] {
  const found: Piece[] = []
  let through = 0
  const plain = (until: number) => until > through && found.push({ text: text.slice(through, until), href: null, inside: false, graph: null })
  for (const match of text.matchAll(LINK)) {
    const link = withoutEnd(match[0])
    plain(match.index)
    found.push(pieceOf(link, origin, at))
    through = match.index + link.length
  }
  plain(text.length)
  return found
}

/** The graphs of a text, each once. */
export function graphsIn(text: string, origin: string, at: number): Pasted[] {
  const all = pieces(text, origin, at).flatMap(({ graph }) => (graph ? [graph] : []))
  const told = all.map((graph) => JSON.stringify(graph))
  return all.filter((_, index) => told.indexOf(told[index]!) === index)
}

/** The end of a sentence is not the end of its link, and neither is what closes a bracket around it. */
function withoutEnd(link: string): string {
  const cut = link.replace(/[.,;:!?'"]+$/, '')
  const count = (mark: string) => cut.split(mark).length - 1
  const closes = cut.endsWith(')') && count(')') > count('(')
  return closes ? withoutEnd(cut.slice(0, -1)) : cut
}

function pieceOf(text: string, origin: string, at: number): Piece {
  const url = URL.canParse(text, origin) ? new URL(text, origin) : null
  if (!url) return { text, href: null, inside: false, graph: null }
  // Another server's graphs are not ours to draw: what it is asked, and who may see it, is its own.
  if (url.origin !== origin) return { text, href: url.href, inside: false, graph: null }
  const inside = placeOf(url).page !== 'unknown'
  return { text, href: inside ? url.pathname + url.search : url.href, inside, graph: graphOf(url, at) }
}

function graphOf(url: URL, at: number): Pasted | null {
  const path = url.pathname.replace(/\/$/, '')
  const asked = path === '/explore' ? ofExplore(url) : path === '/render' ? ofRender(url) : null
  if (!asked || asked.targets.length === 0 || !understood(asked.span)) return null
  return { targets: asked.targets.slice(0, MOST_TARGETS), span: fixed(windowOf(asked.span, at)) }
}

function ofExplore(url: URL): Pasted {
  const { targets, span } = placeOf(url)
  return { targets, span: span ?? USUAL.explore }
}

function ofRender(url: URL): Pasted {
  const get = (key: string, usual: string) => url.searchParams.get(key) ?? usual
  const targets = url.searchParams.getAll('target').filter((target) => target !== '')
  return { targets, span: { from: get('from', USUAL.render.from), to: get('until', USUAL.render.to) } }
}
