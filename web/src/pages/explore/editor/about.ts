/** Beside the list of completions: what this is, what it takes, and what the target would look like with it. */
import type { CompletionInfo } from '@codemirror/autocomplete'
import { drawSparks } from '../../../chart/spark.ts'
import type { FunctionParam } from '../../../api/types.ts'
import type { Span } from '../../../plain/span.ts'
import { words } from '../../../words.ts'
import { Previews, said } from '../preview.ts'
import { kindOf } from './help.ts'

export type About = {
  head: string
  text: string
  params?: FunctionParam[]
  /** The whole target with this completion; null if it cannot be drawn yet. */
  target: string | null
}

const previews = new Previews()

export function about({ head, text, params = [], target }: About, span: Span): CompletionInfo {
  const dom = element('div', 'about')
  const caption = element('p', 'caption')
  caption.setAttribute('aria-live', 'polite')
  dom.append(element('code', '', head))
  const canvas = element('canvas', 'preview')
  if (target !== null) dom.append(canvas)
  dom.append(caption)
  if (text) dom.append(element('p', '', text))
  if (params.length) dom.append(list(params))
  caption.textContent = target === null ? words.explore.complete.noSeries : words.graph.loading
  if (target !== null) void draw(target, span, canvas, caption)
  return { dom, destroy: () => previews.stop() }
}

async function draw(target: string, span: Span, canvas: HTMLCanvasElement, caption: HTMLElement) {
  const answer = await previews.of(target, span)
  if (!answer || !canvas.isConnected) return
  caption.textContent = said(answer)
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', words.explore.builder.preview(said(answer)))
  drawSparks(canvas, answer.lines, answer.window)
}

function list(params: FunctionParam[]): HTMLElement {
  const all = element('dl', '')
  for (const param of params) all.append(element('dt', '', param.name), element('dd', '', kindOf(param)))
  return all
}

function element<K extends keyof HTMLElementTagNameMap>(name: K, className: string, text = ''): HTMLElementTagNameMap[K] {
  const made = document.createElement(name)
  made.className = className
  made.textContent = text
  return made
}
