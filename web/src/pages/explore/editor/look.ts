/** The editor in the page's colours. */
import { EditorView } from '@codemirror/view'

export const look = EditorView.theme({
  '&': { fontSize: '0.8125rem', backgroundColor: 'transparent', color: 'var(--text)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px' },
  '.cm-content': { padding: '8px 0', caretColor: 'var(--text)' },
  '.cm-line': { padding: '0 10px' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--accent-soft)' },
  '.t-function': { color: 'var(--accent)' },
  '.t-string': { color: 'var(--series-1)' },
  '.t-number, .t-word': { color: 'var(--series-2)' },
  '.t-mark': { color: 'var(--muted)' },
  '.t-wrong': { textDecoration: 'underline wavy var(--warning) 1.5px', textUnderlineOffset: '4px' },
  '.cm-tooltip': { border: '1px solid var(--line)', borderRadius: '8px', backgroundColor: 'var(--raised)', color: 'var(--text)', boxShadow: 'var(--shadow)', overflow: 'hidden', zIndex: '30' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '0.8125rem', maxHeight: '280px', minWidth: '280px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { display: 'flex', gap: '16px', padding: '5px 10px' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent-soft)', color: 'var(--text)' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700', color: 'var(--accent)' },
  '.cm-completionDetail': { marginLeft: 'auto', fontStyle: 'normal', fontFamily: 'var(--sans)', fontSize: '0.75rem', color: 'var(--muted)' },
  '.cm-tooltip.cm-completionInfo': { maxWidth: '340px', padding: '10px 12px', fontFamily: 'var(--sans)', fontSize: '0.8125rem', lineHeight: '1.45', overflow: 'auto' },
})
