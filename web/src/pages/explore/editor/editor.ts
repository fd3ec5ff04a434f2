/**
 * The target editor: CodeMirror in a shadow root, so that its styles are adopted sheets and need no inline `<style>`,
 * which the content security policy forbids. Loaded only when a field gets the focus.
 */
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, completionStatus } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { EditorState, StateEffect, StateField } from '@codemirror/state'
import { Decoration, EditorView, keymap, placeholder, type DecorationSet } from '@codemirror/view'
import type { TargetError } from '../../../api/types.ts'
import { errorPlace, pairAt, tokens } from '../../../plain/target.ts'
import { words } from '../../../words.ts'
import type { Span } from '../../../plain/span.ts'
import { complete } from './complete.ts'
import { signatureAt, type Signature } from './signature.ts'
import { look } from './look.ts'

export type { Signature }
export type Editor = { setText(text: string): void; setError(error: TargetError | null): void; choosing(): boolean; focus(): void; destroy(): void }
type Wanted = {
  text: string
  label: string
  selection: [number, number]
  span(): Span
  /** Series to show a function on while there are none in the text. */
  series(): string | null
  changed(text: string): void
  done(): void
  signature(signature: Signature | null): void
}

export function edit(host: HTMLElement, wanted: Wanted): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
  const state = EditorState.create({
    doc: wanted.text,
    selection: { anchor: wanted.selection[0], head: wanted.selection[1] },
    extensions: [
      history(),
      closeBrackets(),
      autocompletion({ override: [complete(wanted)], icons: false, activateOnTypingDelay: 20, maxRenderedOptions: 200 }),
      keymap.of([
        // A list that has only just opened takes no answer yet; what was pressed was not meant as a new line either.
        { key: 'Enter', run: (view) => acceptCompletion(view) || completionStatus(view.state) === 'active' || (wanted.done(), true) },
        ...completionKeymap, ...closeBracketsKeymap, ...historyKeymap, ...defaultKeymap,
      ]),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': wanted.label, spellcheck: 'false', autocapitalize: 'off' }),
      placeholder(words.explore.targets.placeholder),
      colouring,
      pairMark,
      errorMark,
      look,
      EditorView.updateListener.of((update) => {
        if (update.docChanged) wanted.changed(update.state.doc.toString())
        if (update.docChanged || update.selectionSet) void tell(update.view, wanted)
      }),
      EditorView.domEventHandlers({
        beforeinput: typeOver,
        // Not at once: the editor also loses the focus while the page is being changed under it.
        blur: () => {
          setTimeout(() => {
            wanted.signature(null)
            wanted.done()
          })
        },
      }),
    ],
  })
  const view = new EditorView({ state, parent: root, root })
  return {
    setText: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    setError: (error) => view.dispatch({ effects: setError.of(error) }),
    choosing: () => completionStatus(view.state) !== null,
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  }
}

/** A browser that types over coloured text keeps its colour as an inline style, which our policy forbids: we do it ourselves. */
function typeOver(event: InputEvent, view: EditorView): boolean {
  if (event.inputType !== 'insertText' || !event.data || event.isComposing || view.state.selection.main.empty) return false
  event.preventDefault()
  view.dispatch({ ...view.state.replaceSelection(event.data), userEvent: 'input.type', scrollIntoView: true })
  return true
}

async function tell(view: EditorView, wanted: Wanted) {
  const signature = await signatureAt(view.state.doc.toString(), view.state.selection.main.head)
  if (view.hasFocus) wanted.signature(signature)
}

const KINDS = Object.fromEntries(['function', 'path', 'string', 'number', 'word', 'mark'].map((kind) => [kind, Decoration.mark({ class: `t-${kind}` })]))

const colouring = StateField.define<DecorationSet>({
  create: (state) => coloured(state.doc.toString()),
  update: (now, change) => (change.docChanged ? coloured(change.state.doc.toString()) : now),
  provide: (field) => EditorView.decorations.from(field),
})

function coloured(text: string): DecorationSet {
  return Decoration.set(tokens(text).map(({ kind, start, end }) => KINDS[kind].range(start, end)))
}

const half = Decoration.mark({ class: 't-pair' })

/** The parenthesis beside the caret, and its other half. */
const pairMark = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update: (marks, change) => (change.docChanged || change.selection ? paired(change.state) : marks),
  provide: (field) => EditorView.decorations.from(field),
})

function paired({ doc, selection }: EditorState): DecorationSet {
  const pair = selection.main.empty ? pairAt(doc.toString(), selection.main.head) : null
  return pair ? Decoration.set(pair.map((at) => half.range(at, at + 1))) : Decoration.none
}

const setError = StateEffect.define<TargetError | null>()
const wavy = Decoration.mark({ class: 't-wrong' })

/** The place that the server complained of, until the text changes. */
const errorMark = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, change) {
    if (change.docChanged) marks = Decoration.none
    for (const effect of change.effects) if (effect.is(setError)) marks = marked(effect.value, change.state.doc.toString())
    return marks
  },
  provide: (field) => EditorView.decorations.from(field),
})

function marked(error: TargetError | null, text: string): DecorationSet {
  return error && text ? Decoration.set([wavy.range(...errorPlace(text, error))]) : Decoration.none
}
