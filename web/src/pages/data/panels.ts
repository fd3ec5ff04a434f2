/** The evidence on top of the Data page, drawn from Bellwether's own series. */
import type { Panel } from '../../api/types.ts'
import { words } from '../../words.ts'

const t = words.data.panels
const counts = (what: string, name: string) => `alias(sumSeries(bellwether.ingest.*.${what}.count), "${name}")`

export const PANELS: Panel[] = [
  { ...t.stored, unit: '/s', targets: [`alias(bellwether.store.points_stored.count, "${t.names.stored}")`, `alias(bellwether.store.points_late.count, "${t.names.late}")`] },
  { ...t.lost, unit: '/s', targets: [counts('dropped.*', t.names.dropped), counts('refused.*', t.names.refused), counts('bad.*', t.names.unreadable)] },
  { ...t.asked, unit: '/s', targets: [`alias(bellwether.http.queries.count, "${t.names.queries}")`, `alias(bellwether.http.requests.count, "${t.names.requests}")`] },
  { ...t.cost, unit: '%', targets: [`alias(scale(bellwether.process.cpu_milliseconds.count, 0.1), "${t.names.cpu}")`] },
]
