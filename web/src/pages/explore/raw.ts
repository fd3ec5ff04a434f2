/** Rows of the raw table: each moment at which any of the series has a slot, newest first. Pure. */
import type { RawSeries } from '../../api/calls.ts'

export type RawRow = [at: number, values: (number | null)[]]

export function rawRows(series: RawSeries[]): RawRow[] {
  const rows = new Map<number, (number | null)[]>()
  series.forEach((one, column) => {
    for (const [value, at] of one.datapoints) {
      let row = rows.get(at)
      if (!row) rows.set(at, (row = new Array<number | null>(series.length).fill(null)))
      row[column] = value
    }
  })
  return [...rows].sort((a, b) => b[0] - a[0])
}
