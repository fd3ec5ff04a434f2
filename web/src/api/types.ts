/** Answers of docs/http-api.md, as they come over the wire. */

export type Health = 'ok' | 'warning' | 'critical'
export type Level = 'business' | 'feature' | 'system'
export const LEVELS: Level[] = ['business', 'feature', 'system']
export type Archive = string
export type Role = 'viewer' | 'responder' | 'editor' | 'admin'

export type Status = {
  version: string
  now: number
  started?: number
  host?: string
  auth: { mode: 'none' | 'required'; user: string | null; role: Role | null; /** They see a part of all names. */ limited: boolean; provider: string | null }
  read_only?: string | null
  health?: Health
}

/** `start` and `end` are characters of the target, where the place is known. */
export type TargetError = { message: string; start: number | null; end: number | null; hint: string | null }
export type GraphSeries = {
  name: string
  tags: Record<string, string>
  step: number
  start: number
  every: number
  values: (number | null)[]
  min?: (number | null)[]
  max?: (number | null)[]
  count?: number[]
}
export type Annotation = { id: number | string; at: number; what: string; tags: string[]; data?: string }
export type GraphResult = { target: string; error: TargetError | null; series: GraphSeries[] }
export type GraphAnswer = { now: number; from: number; until: number; results: GraphResult[]; annotations: Annotation[] }

export type Trust = {
  series: number
  step: number | null
  archives: Archive[]
  archive: Archive | null
  aggregation: string | null
  x_files_factor: number | null
  last_point: number | null
  age: number | null
  gaps: [number, number][]
  late: number
  dropped: Record<string, number>
  source: string | null
  unit: string | null
  level: Level | null
  help: string | null
}

export type Source = { source: string; points_per_second: number; series: number; newest: number | null; listening: string | null; latest: string | null; regular: boolean; target: string | null }
export type Panel = { title: string; targets: string[]; unit: string | null; help: string | null }
export type Group = { prefix: string; title: string; level: Level; series: number; age: number | null; targets: string[]; unit: string | null }
export type HomeAnswer = {
  sentence: { state: Health; text: string; since: number | null }
  newest_point_age: number | null
  arriving: Source[]
  host: { name: string; panels: Panel[] } | null
  groups: Group[]
}

export type Dropped = { cause: string; total: number; last_minute: number; help: string }
export type PartState = Health | 'off'
export type Part = {
  id: string
  kind: string
  title: string
  address: string | null
  state: PartState
  /** Since when it is in this state. */
  since: number | null
  text: string
  rate: number | null
  unit: string | null
  lag: number | null
  last_success: number | null
  filled: number | null
  dropped: Dropped[]
}
export type Storage = {
  series: number
  points_per_second: number
  disk_bytes: number
  free_bytes: number | null
  seconds_to_full: number | null
  read_only: string | null
  memory: { part: string; bytes: number }[]
  resident_bytes: number
  memory_budget_bytes: number
  tiers: { archive: Archive; files: number; bytes: number }[]
  wal_bytes: number
  sync_milliseconds: number
  backlog: number
  gaps: [number, number][]
  /** What was found missing, in words. */
  lost: string[]
  quarantined: string[]
  retention_differs: boolean
}
export type RefusedPrefix = { prefix: string; refused: number; example: string }
export type BadLine = { listener: string; source: string; reason: string; sample: string; at: number }
export type Doubt = { part: string; state: Health; text: string; since: number | null; until: number | null; affects: string }
export type HealthAnswer = {
  state: Health
  sentence: string
  since: number | null
  now: number
  doubts: Doubt[]
  parts: Part[]
  storage: Storage
  refused: { total: number; prefixes: RefusedPrefix[] }
  bad_lines: BadLine[]
  widest: { prefix: string; series: number }[]
  newest: { name: string; created: number }[]
}

export type RetentionRule = { name: string; pattern: string; archives: Archive[]; origin: string; series: number; bytes: number; bytes_per_series: number }
export type RetentionPreview = {
  rule: string
  archives: Archive[]
  series: number
  bytes_now: number
  bytes_then: number
  bytes_per_series: number
  says: string[]
  error: string | null
}
export type RetentionAnswer = {
  rules: RetentionRule[]
  differing: { rule: string; series: number; have: Archive[]; want: Archive[] }[]
  preview: RetentionPreview | null
}

export type FoundSeries = { name: string; level: Level | null; unit: string | null; kind: string; last_point: number | null; last_value: number | null }
export type LevelRule = { pattern: string; level: Level }
export type TreeNode = { text: string; id: string; leaf: 0 | 1; expandable: 0 | 1; allowChildren: 0 | 1 }

export type FunctionParam = { name: string; type: string; required?: boolean; multiple?: boolean; default?: unknown; options?: string[]; suggestions?: (string | number)[] }
export type GraphiteFunction = { name: string; function: string; description: string; group: string; params: FunctionParam[] }

export type ExplainedStep = {
  text: string
  /** Null for a path. */
  function: string | null
  from: number
  until: number
  milliseconds: number
  own_milliseconds: number
  series: number
  points: number
  children: ExplainedStep[]
  /** There is more below than the answer tells. */
  cut?: boolean
}
export type ExplainedFetch = { path: string; from: number; until: number; series: number; points: number; archives: { archive: string; series: number; step: number }[]; milliseconds: number }
export type ExplainAnswer = {
  now: number
  milliseconds: number
  cache: 'hit' | 'miss' | 'off'
  targets: { target: string; error: TargetError | null; milliseconds: number; tree: ExplainedStep | null }[]
  fetches: ExplainedFetch[]
}

/** Of a check or a metric the first four, of a host the next three; `PENDING` before the first result. */
export type WatchState = 'OK' | 'WARNING' | 'CRITICAL' | 'UNKNOWN' | 'UP' | 'DOWN' | 'UNREACHABLE' | 'PENDING'
export type MonitorKind = 'metric' | 'heartbeat' | 'errors' | 'check' | 'passive' | 'host'
export type MonitorRow = {
  name: string
  kind: MonitorKind
  host: string | null
  service: string | null
  /** The worst of its instances. */
  state: WatchState
  state_type: 'SOFT' | 'HARD'
  attempt: number
  max_attempts: number
  since: number | null
  text: string
  instances: number
  in_trouble: number
  acknowledged: boolean
  in_downtime: boolean
  silenced: boolean
  flapping: boolean
  shadow: boolean
  /** Its notifications are on. */
  notifies: boolean
  owner: string | null
  playbook: string | null
  /** Of `owner` and `playbook` what it lacks to be fit to wake somebody. */
  lacks?: ('owner' | 'playbook')[]
  /** Over 30 days: how often somebody was told, how often it became bad, how often that ended by itself. */
  pages: number
  fired: number
  self_healed: number
  /** `file:line`, or "ui". */
  origin: string
}
export type MonitorsAnswer = { now: number; monitors: MonitorRow[] }

export type ThingItem = { name: string; series: number; since: number | null; newest: number | null; watched_by: string[]; services: string[] }
export type HostItem = ThingItem & { sources: string[] }
export type PrefixItem = ThingItem & { parts: number; watched: number; unwatched_parts: string[] }
export type Listed<T> = { items: T[]; arriving: number; unwatched: number; silent: number }
export type InventoryAnswer = { now: number; hosts: Listed<HostItem>; prefixes: Listed<PrefixItem>; beyond: number }

export const CONDITIONS = ['availability', 'latency', 'function'] as const
export type Condition = (typeof CONDITIONS)[number]
export type NeededService = { name: string; external: boolean; state: WatchState | null; since: number | null; url: string | null }
export type ServiceMember = { name: string; condition: Condition; state: WatchState | null; since: number | null; text: string; planned: boolean }
export type ServiceItem = {
  name: string
  description: string | null
  owner: string | null
  playbook: string | null
  url: string | null
  external: boolean
  objective: { text: string; percent: number; over_seconds: number; allowed_seconds: number } | null
  state: WatchState | null
  since: number | null
  condition: Condition | null
  fault: 'us' | 'them' | null
  causes: string[]
  conditions: Record<Condition, { state: WatchState | null; members: number }>
  dependencies: NeededService[]
  needed_by: string[]
  members: ServiceMember[]
  members_in_all: number
  coverage: { watched: number; of: number; percent: number | null; unwatched: string[] }
  targets: string[]
}
/** What a service attained in the time that its objective is for; the four lengths add up to it. */
export type AvailabilityItem = {
  name: string
  external: boolean
  from: number
  until: number
  objective: { text: string; percent: number; over_seconds: number; allowed_seconds: number } | null
  attained_percent: number | null
  meets: boolean | null
  available_seconds: number
  in_trouble_seconds: number
  planned_seconds: number
  unknown_seconds: number
  outages: number
  budget_left_seconds: number | null
  causes: { name: string; seconds: number }[]
}
export type AvailabilityAnswer = { now: number; services: AvailabilityItem[]; without_objective: string[] }
export type ServicesAnswer = { now: number; services: ServiceItem[]; without_objective: string[]; without_owner: string[] }

export type Withheld = 'downtime' | 'silence' | 'acknowledged' | 'dependency' | 'host_down' | 'flapping' | 'off' | 'period' | 'shadow' | 'delayed'
export type PerfdataItem = { label: string; value: number | null; uom: string; warn: string | null; crit: string | null; min: number | null; max: number | null; breach: 'none' | 'warning' | 'critical' }
/** Where a number of a check is kept: `scale` times the value, in the base unit. */
export type NumberSeries = { label: string; series: string; scale: number }
export type Downtime = {
  id: number; check: string | null; host: string | null; monitor: string | null; instance: string | null
  start: number; end: number; fixed: boolean; duration: number; author: string; comment: string; in_effect: boolean
  /** The `[[downtime]]` that it comes from. */
  recurring: string | null
}
/** How a check or a host is. */
export type Watched = {
  name: string
  host: string | null
  state: WatchState
  state_type: 'SOFT' | 'HARD'
  attempt: number
  max_check_attempts: number
  since: number | null
  flapping: boolean
  percent_state_change: number
  in_downtime: boolean
  acknowledged: boolean
  acknowledgement: { author: string; comment: string; at: number; sticky: boolean; expires: number | null } | null
  /** Why nobody would be told now. */
  withheld: Withheld | null
  last_output: string
  long_output: string
  perfdata: PerfdataItem[]
  /** Of each of them, in the same order. */
  perfdata_series: NumberSeries[]
  value: number | null
  last_check: number | null
  next_check: number | null
  execution_seconds: number
  notification_number: number
  last_notification: number | null
  next_notification: number | null
  notifications_enabled: boolean
  active_checks_enabled: boolean
  passive_results_enabled: boolean
  /** Of a check its host, of a host those before it. */
  parents: { host: string; state: WatchState }[]
  downtimes: Downtime[]
  comments: { id: number; at: number; author: string; comment: string }[]
}
/** A number and the limit that it is closest to; `level` is that limit as its series would show it. */
export type Near = { kind: 'check' | 'host' | 'monitor'; name: string; label: string; of: 'max' | 'critical' | 'warning'; share: number; series: string; level: number }
export type Stretch = { from: number; until: number; state: WatchState; state_type: 'SOFT' | 'HARD' }
export type Run = { from: number; until: number; count: number; status: number; state: WatchState; state_type: 'SOFT' | 'HARD'; attempt: number; active: boolean; text: string; value: number | null }
export type HistoryAnswer = { from: number; until: number; runs: Run[]; ribbon: Stretch[]; more: boolean }
export type Notification = {
  at: number; kind: string; state: WatchState; recipient: string; channel: string; check: string | null; host: string | null; instance: string | null; number: number; text: string; author: string; comment: string
}

export type InstanceItem = { ribbon: Stretch[] | null; last_check: number | null; instance: string; state: WatchState; state_type: 'SOFT' | 'HARD'; since: number | null; value: number | null; text: string; acknowledged: boolean; in_downtime: boolean; withheld: Withheld | null }
/** A monitor or check as its page shows it: how it is, what it watches, and how it is defined. */
export type MonitorDetail = MonitorRow & {
  /** The worst first. */
  instances_list: InstanceItem[]
  /** There are more instances. */
  more: boolean
  /** By the names of its keys, below the name of its table. */
  definition: { monitor?: MonitorDefinition; check?: MonitorDefinition }
  /** Of what is made in the UI. */
  version: number | null
  next_check: number | null
  /** As it would stand in a file. */
  toml: string
}

/** `[[monitor]]` as it is written, by the names of its keys. */
export type MonitorDefinition = { name: string; [key: string]: unknown }

/** One time that a rule would have been bad. */
export type Firing = {
  instance: string
  state: WatchState
  began: number
  /** When it had lasted long enough; null: it ended before, and nobody would have been told. */
  fired: number | null
  /** Null: it was still so at the end of the window. */
  ended: number | null
  told: boolean
  text: string
  value: number | null
}
/** The first version beside the second; of what fired with both, each one's. */
export type Compared = { both: [Firing, Firing][]; only_first: Firing[]; only_second: Firing[] }
export type ReplayAnswer = {
  /** One line of plain words. */
  sentence: string
  from: number
  until: number
  firings: Firing[]
  firings_left_out: number
  instances: { name: string; fired: number; self_healed: number; pages: number; bad_seconds: number; state: WatchState | null }[]
  instances_left_out: number
  /** By contact; the empty name where none is named. */
  pages: Record<string, number>
  /** Of which stretches not everything can be told, and why. */
  doubts: { from: number; until: number; step: number; cannot_tell: boolean; reason: string }[]
  known_from: number | null
  slots: number
  /** The version that this one is compared with. */
  other?: ReplayAnswer
  comparison?: Compared
}

/** One notice to one contact. */
export type ToldOf = { at: number; name: string; kind: string; state: WatchState; contact: string }
/** Of a check by its kept results: beside what was really sent in that time. */
export type CheckReplayAnswer = ReplayAnswer & { notices: ToldOf[]; beside: { sent: number; same: number; missed: ToldOf[]; more: ToldOf[]; missed_left_out: number; more_left_out: number } }

/** One run of a check that changed nothing. */
export type TrialAnswer = {
  state: WatchState
  output: string
  long_output: string
  perfdata: PerfdataItem[]
  perfdata_skipped: string[]
  parts: { name: string; state: WatchState; output: string }[]
  seconds: number
  timed_out: boolean
  output_bytes_cut: number
}

export type Silence = { id: number; matchers: { monitor: string | null; instance: string | null; host: string | null; labels?: { name: string; value: string; is_regex: boolean; is_equal: boolean }[] }[]; from: number; until: number; reason: string; author: string }

export type Ping = { n: number; at: number; kind: 'success' | 'start' | 'fail' | 'log'; exit: number | null; duration: number | null; overlaps: boolean; body: string }
/** Where a job reports in, and when it did. */
export type HeartbeatAnswer = {
  name: string
  status: 'new' | 'up' | 'grace' | 'started' | 'down' | 'paused'
  text: string
  /** Only for those who may ping. */
  path: string | null
  schedule: string | null
  time_zone: string | null
  period: number | null
  grace: number
  last_ping: number | null
  last_duration: number | null
  expected: number | null
  down_at: number | null
  pings: number
  history: Ping[]
}

/** What the incidents of one reason came to. `too_late`: of those that were useful, as `judge` takes it beside `useful: true`. */
export type Noise = { reason: string; incidents: number; pages: number; self_healed: number; acknowledged: number; useful: number; useless: number; too_late: number }

export type Phase = 'open' | 'acknowledged' | 'resolved'
export type Incident = {
  id: number
  /** What its instances have in common, such as `monitor:NAME`. */
  reason: string
  title: string
  phase: Phase
  /** The worst that any instance is now, and that there was. */
  severity: WatchState
  worst: WatchState
  opened: number
  /** Since when something is, or was, bad: senders of alerts may say that it was before it opened here. */
  since?: number
  closed: number | null
  acknowledged: { by: string; at: number; comment: string } | null
  snoozed_until: number | null
  /** Nobody did anything: it went away by itself. */
  self_healed: boolean
  resolved_by: string | null
  /** What got it going again, as whoever had it wrote it down. */
  helped: { text: string; who: string; at: number } | null
  /** Who has it: the first who acknowledged it, or who took it or was given it since. */
  owner: string | null
  /** Who has said how bad it is, if somebody has. */
  severity_by: string | null
  declared_by: string | null
  /** The incident in which its members are now. */
  merged_into: number | null
  /** Further reasons that it stands for. */
  also: string[]
  /** How often it was opened again. */
  reopened: number
  /** Members of other reasons than its own, for which nobody who knows of it was paged. */
  grouped: number
  /** Instances that are bad now, and that were. */
  bad: number
  instances: number
  /** How often one went bad. */
  breaches: number
  playbook: string | null
  /** As a tag or `[[environment]]` says; what is not production tells nobody. */
  environment: string | null
  production: boolean
  /** Contacts who are told in the morning, if it is still bad and in nobody's hands then. */
  held?: { contact: string; until: number; why: string }[]
}
/** `open`: how many are, listed or not. */
export type IncidentsAnswer = { now: number; open: number; incidents: Incident[] }
export type TroubleItem = { host: boolean; monitor: string; instance: string; state: WatchState; worst: WatchState; since: number; until: number | null; value: number | null; text: string; /** What the sender of an alert says of it beside that, and where it says what to do. */ description?: string | null; runbook?: string | null; why: string | null; withheld: Withheld | null; acknowledged: { by: string; at: number; comment: string } | null }
export type TimelineEntry = { at: number; kind: string; who: string; text: string }
/** One attempt to reach one contact through one channel. */
export type PageItem = { id: number; kind: string; contact: string; channel: string; at: number; state: 'waiting' | 'delivered' | 'listed' | 'given_up'; tries: number; ended: number | null; error: string }
/** `unlisted`: what the timeline had no room for. */
export type WholeIncident = Incident & { troubles: TroubleItem[]; timeline: TimelineEntry[]; unlisted: number; pages: PageItem[]; /** Deploys and flips of the hour before and of its time; not with what a deed answers. */ events?: Pick<Annotation, 'at' | 'what' | 'tags'>[]; /** Of its metric monitors, with the series that were worst. */ graphs?: IncidentGraph[]; /** Other checks on its hosts and of its services that were bad in its window. */ beside?: BesideCheck[]; /** Groups of errors that were new in its window, came back, or came far more often than before. */ errors?: ErrorThen[]; /** The last word of whoever said whether it was worth being told of. */ judged: 'useful' | 'too late' | 'not useful' | null }
/** `warning`, `critical`: of a rule that is a plain threshold. */
export type IncidentGraph = { monitor: string; /** Which of a check's numbers it is. */ label?: string; targets: string[]; warning: number | null; critical: number | null }
export type ErrorThen = { id: number; short: string; project: string; title: string; level: string; why: 'new' | 'back' | 'spike'; at: number; count: number }
export type BesideCheck = { check: string; host: string; worst: WatchState; since: number; text: string }
/** One of the last three times that the same happened; `same`: it is of the same reason, or some of the same was bad in it. */
export type EarlierTime = { id: number; title: string; same: 'reason' | 'members'; opened: number; closed: number | null; seconds: number; worst: WatchState; owner: string | null; self_healed: boolean; helped: Incident['helped']; judged: 'useful' | 'too late' | 'not useful' | null; post_mortem: { id: number; title: string; open_follow_ups: number } | null }
/** What the stream says of an incident to which something has happened. */
export type SeenIncident = { id: number; title: string; phase: Phase; severity: WatchState; owner: string | null; opened: number; closed: number | null; bad: number }
/** A series that moved with an incident: medians before and during, and by how many of its usual deviations. */
export type Moved = { series: string; before: number; during: number; score: number; share_of_limit: number | null; limit: number | null }
export type MovedAnswer = { from: number; until: number; moved: Moved[]; looked_at: number; left_out: number }

// GET /api/v1/proof, /proof/ID
export type ProofItem = { id: number; made: number; author: string; from: number; until: number; state: 'running' | 'done' | 'failed'; share: number; sentence: string }
export type ProofWeight = { pages: number; at_night: number; nights_woken: number; contacts: Record<string, { pages: number; at_night: number; nights_woken: number }> }
export type ProofLabel = {
  title: string; start: number; end: number; sent: number | null; would: number | null; with_proposals: number | null
  verdict: 'unseen' | 'new' | 'earlier' | 'same' | 'later' | 'missed'
}
export type ProofRule = { rule: string; shadow: boolean; sent: number; would: number; at_night: number; useful: number; useless: number }
export type ProofProposal = {
  rule: string; kind: 'for' | 'threshold' | 'grouping' | 'repeats' | 'dependency' | 'delete'; what: string; replaces: string | null; toml: string
  pages_before: number; pages_after: number; at_night_before: number; at_night_after: number; caught_before: number; caught_after: number
}
export type Proof = {
  from: number; until: number; known_from: number | null; first_report_at: number | null; sentence: string; unfinished: boolean
  sent: ProofWeight; would: ProofWeight; of_shadow: number; proposed: ProofWeight
  labels: ProofLabel[]; rules: ProofRule[]; proposals: ProofProposal[]
  doubts: { rule: string; from: number; until: number; step: number; cannot_tell: boolean; reason: string }[]
}
export type ProofAnswer = ProofItem & { error: string | null; proof: Proof | null }
