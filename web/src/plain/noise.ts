/** What fires often and ends by itself teaches people not to look. Pure. */
import type { MonitorRow } from '../api/types.ts'

const NOISY_FIRINGS = 5
const NOISY_PAGES = 20

/** Of the last 30 days. */
export const isNoisy = ({ fired, self_healed, pages }: Pick<MonitorRow, 'fired' | 'self_healed' | 'pages'>) => (fired >= NOISY_FIRINGS && self_healed * 2 >= fired) || pages >= NOISY_PAGES
