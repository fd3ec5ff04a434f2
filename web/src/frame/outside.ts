/** Something that lies over the page goes away on Escape, on a click beside it, and when focus leaves it. */
export function outside(close: () => void) {
  return (node: HTMLElement) => {
    const opener = document.activeElement as HTMLElement | null
    // A click on what takes no focus would give it to the page behind.
    if (!node.hasAttribute('tabindex')) node.tabIndex = -1
    const pointer = (event: PointerEvent) => {
      if (!node.contains(event.target as Node) && !node.parentElement?.contains(event.target as Node)) close()
    }
    const key = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || document.querySelector('dialog[open]')) return
      event.preventDefault()
      close()
      opener?.focus()
    }
    const focus = (event: FocusEvent) => {
      const next = event.relatedTarget as Node | null
      if (next && !node.contains(next) && !node.parentElement?.contains(next)) close()
    }
    document.addEventListener('pointerdown', pointer)
    // The focus may still be on the button that opened it.
    document.addEventListener('keydown', key)
    node.addEventListener('focusout', focus)
    return () => {
      document.removeEventListener('pointerdown', pointer)
      document.removeEventListener('keydown', key)
      node.removeEventListener('focusout', focus)
    }
  }
}
