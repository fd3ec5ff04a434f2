/** What a panel is called where nobody has named it. Pure. */

/** The server keeps comments under names up to this. */
const LONGEST_BYTES = 1024

/** A panel is what it draws, wherever it stands; null: that is too long to be a name. */
export function panelOf(targets: string[]): string | null {
  const name = `panel:${targets.join(' ').replace(/[\s\p{Cc}]+/gu, ' ').trim()}`
  return new TextEncoder().encode(name).length <= LONGEST_BYTES ? name : null
}
