/** For what opens over the page: the field in it takes the focus, and all of it stays inside the window. */

/** After the menu has remembered who opened it. */
export const focused = (node: HTMLElement) => queueMicrotask(() => node.focus({ preventScroll: true }))

const MARGIN = 8

export function within(node: HTMLElement) {
  let shift = 0
  const place = () => {
    const { left, right } = node.getBoundingClientRect()
    const over = right - shift - (document.documentElement.clientWidth - MARGIN)
    shift = -Math.max(0, Math.min(over, left - shift - MARGIN))
    node.style.translate = `${shift}px 0`
  }
  place()
  const watcher = new ResizeObserver(place)
  watcher.observe(node)
  addEventListener('resize', place)
  return () => {
    watcher.disconnect()
    removeEventListener('resize', place)
  }
}
