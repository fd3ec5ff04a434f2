/** How one likes to read a stack: remembered in this browser. */
import { remember, remembered } from '../../frame/prefs.svelte.ts'

const VIEWS = ['frames', 'raw'] as const
const ORDERS = ['crash first', 'crash last'] as const
const LINES = ['as they are', 'wrapped'] as const

class Reading {
  view = $state(remembered('stack view', VIEWS, 'frames'))
  order = $state(remembered('stack order', ORDERS, 'crash first'))
  lines = $state(remembered('stack lines', LINES, 'as they are'))

  toggleView() {
    this.view = this.view === 'raw' ? 'frames' : 'raw'
    remember('stack view', this.view)
  }

  toggleOrder() {
    this.order = this.order === 'crash first' ? 'crash last' : 'crash first'
    remember('stack order', this.order)
  }

  toggleLines() {
    this.lines = this.lines === 'wrapped' ? 'as they are' : 'wrapped'
    remember('stack lines', this.lines)
  }
}

export const reading = new Reading()
