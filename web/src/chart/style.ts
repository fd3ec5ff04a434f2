/** How the n-th line looks: six colours, then the same with dashes. */

export type LineStyle = { colour: number; dash: number[]; echo?: boolean }

const COLOURS = 6
const DASHES = [[], [6, 3], [2, 3], [10, 3, 2, 3]]

export function styleOf(index: number): LineStyle {
  return { colour: index % COLOURS, dash: DASHES[Math.floor(index / COLOURS) % DASHES.length] }
}

/** A line of another time (a week ago) wears the colour of its original, dashed. */
export function echoOf(index: number): LineStyle {
  return { colour: index % COLOURS, dash: [4, 4], echo: true }
}
