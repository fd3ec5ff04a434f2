/** On call, reports, people and tokens as the API tells them, for what no server can be made to say in a second. */
import type { Channel } from '../../src/api/channels.ts'
import type { OwnRules, OwnWays } from '../../src/api/me.ts'
import type { Cover, OnCallAnswer, Override, Policy, Rehearsal, Shift, ShiftsAnswer } from '../../src/api/oncall.ts'
import type { Dealing, OpenFollowUps, ReportAnswer } from '../../src/api/reports.ts'

const HOUR = 3600
const DAY = 24 * HOUR
const now = () => Math.floor(Date.now() / 1000)
/** Of today, so that the same page looks the same the whole day. */
const midnight = () => now() - (now() % DAY)

const shift = (start: number, end: number, person: string | null, change: Partial<Shift> = {}): Shift => ({ start, end, person, layer: 0, override: null, instead_of: null, ...change })

/** Three people by turns of a week, two who follow the sun above them, a hole, and an override. */
export function aMonth(): ShiftsAnswer {
  const from = midnight()
  const people = ['ana', 'ben', 'cyd']
  const weeks = Array.from({ length: 5 }, (_, index) => shift(from + (index * 7 - 2) * DAY, from + (index * 7 + 5) * DAY, people[index % 3], { layer: 1 }))
  const sun = Array.from({ length: 30 }, (_, day) => [shift(from + day * DAY, from + day * DAY + 8 * HOUR, ['mia', 'noa'][day % 2]), shift(from + day * DAY + 8 * HOUR, from + (day + 1) * DAY, null, { layer: null })]).flat()
  const result = [
    shift(from - 2 * DAY, from + 2 * DAY, 'ana'), shift(from + 2 * DAY, from + 3 * DAY, 'ben', { override: 4, instead_of: 'ana', layer: null }), shift(from + 3 * DAY, from + 5 * DAY, 'ana'), shift(from + 5 * DAY, from + 12 * DAY, 'ben'),
    shift(from + 12 * DAY, from + 14 * DAY, null, { layer: null }), shift(from + 14 * DAY, from + 19 * DAY, 'cyd'), shift(from + 19 * DAY, from + 26 * DAY, 'ana'), shift(from + 26 * DAY, from + 40 * DAY, 'ben'),
  ]
  return { now: now(), from, until: from + 30 * DAY, shifts: result, layers: [{ name: 'nights', shifts: sun }, { name: 'everybody', shifts: weeks }] }
}

export function whoIsOnCall(): OnCallAnswer {
  const from = midnight()
  return {
    now: now(),
    schedules: [
      { name: 'web', time_zone: 'Pacific/Auckland', current: shift(from - 2 * DAY, from + 2 * DAY, 'ana'), next: shift(from + 2 * DAY, from + 3 * DAY, 'ben', { override: 4, instead_of: 'ana' }), gaps: [{ start: from + 12 * DAY, end: from + 14 * DAY }], gap_seconds: 2 * DAY, clashes: [], may_be_empty: false, warnings: ['schedule `web`: dora is no contact any more; these turns go to the next'] },
      { name: 'office hours', time_zone: 'Europe/Berlin', current: shift(from - 8 * HOUR, from + 8 * HOUR, null, { layer: null }), next: shift(from + 8 * HOUR, from + 17 * HOUR, 'cyd'), gaps: [{ start: from - 8 * HOUR, end: from + 8 * HOUR }], gap_seconds: 16 * HOUR, clashes: [], may_be_empty: true, warnings: [] },
    ],
  }
}

export const someOverrides = (): Override[] => [{ id: 4, schedule: 'web', person: 'ben', in_place_of: 'ana', start: midnight() + 2 * DAY, until: midnight() + 3 * DAY, made_by: 'ana', made_at: now() - DAY, note: 'dentist' }]

export const someCovers = (): Cover[] => [
  { id: 7, schedule: 'web', person: 'ben', from: midnight() + 6 * DAY, until: midnight() + 7 * DAY, note: 'a wedding', made_by: 'ben', made_at: now() - 3600, accepted_by: null, override: null },
  { id: 8, schedule: 'web', person: 'cyd', from: midnight() + 15 * DAY, until: midnight() + 16 * DAY, note: '', made_by: 'cyd', made_at: now() - 3600, accepted_by: 'ana', override: 9 },
]
export const somePolicies = (): Policy[] => [
  { name: 'web', origin: '/etc/bellwether/bellwether.toml:40', made_by: null, definition: { repeat: 2, ack_timeout: '30min', step: [{ notify: ['schedule:web'], wait: '5min' }, { notify: ['ana', 'team:web', 'channel:chat'], wait: '10min', round_robin: true, if_time: 'office' }] }, warnings: ['policy `web`: nobody knows the team web'] },
  { name: 'databases', origin: 'ui', made_by: 'ana', definition: { repeat: 0, step: [{ notify: ['ben'], wait: '0s' }] }, warnings: [] },
]
export const aRehearsal = (): Rehearsal => ({
  monitor: 'gdrive uploads fail', host: false, at: midnight() + 3 * 3600, state: 'CRITICAL', policy: 'web', policy_why: 'of team web, its owner', by_own_rules: [], goes_on: true,
  moments: [
    { at: midnight() + 3 * 3600, after: 0, calls: [{ contact: 'ana', channel: 'push', event: 'problem' }, { contact: 'ana', channel: 'sms', event: 'problem' }], said: [] },
    { at: midnight() + 3 * 3600 + 300, after: 300, calls: [{ contact: 'ben', channel: 'push', event: 'problem' }], said: ['step 2 of web: whoever is on call next'] },
    { at: midnight() + 3 * 3600 + 900, after: 900, calls: [], said: ['step 3 reaches nobody: it is not their time'] },
  ],
})
export const someTests = () => ({ contact: 'ana', pages: [{ id: 3, kind: 'problem', contact: 'ana', channel: 'push', at: now() - 3 * DAY, state: 'delivered', tries: 1, ended: now() - 3 * DAY, error: '' }, { id: 4, kind: 'problem', contact: 'ana', channel: 'sms', at: now() - 3 * DAY, state: 'given_up', tries: 3, ended: now() - 3 * DAY, error: 'no such number' }] })

const dealing = (change: Partial<Dealing> = {}): Dealing => ({
  incidents: 14, left_out: { flapped: 3, untold: 1, not_production: 6 }, paged: 11, self_healed: 4, open: 1, failures: 9,
  to_acknowledge: { count: 10, mean: 252, median: 96, p95: 900 }, to_recover: { count: 13, mean: 2520, median: 1080, p95: 9600 }, between_failures: { count: 8, mean: 281_000, median: 190_000, p95: 600_000 }, ...change,
})

export const aReport = (): ReportAnswer => ({
  ...dealing(), now: now(), from: now() - 30 * DAY, until: now(), tz: 'UTC', record_begins: now() - 20 * DAY, headroom_left_out: 0,
  services: [
    { ...dealing({ incidents: 5 }), name: 'Uploads', external: false, months: ['2026-10', '2026-11'].map((month, index) => ({ month, from: 0, until: 0, attained_percent: [99.9512, 97.26][index], available_seconds: 2_500_000, in_trouble_seconds: [1310, 70_000][index], planned_seconds: 7200, unknown_seconds: 340, outages: 3, available_seconds_per_outage: 830_000 })) },
    { ...dealing({ incidents: 0, to_recover: null }), name: 'Google Drive', external: true, months: [{ month: '2026-11', from: 0, until: 0, attained_percent: null, available_seconds: 0, in_trouble_seconds: 0, planned_seconds: 0, unknown_seconds: 1_900_000, outages: 0, available_seconds_per_outage: null }] },
  ],
  people: [
    { name: 'ana', pages: 23, pages_per_week: 5.37, lost: 1, incidents: 9, at_night: 7, nights: 4, acknowledged: 6, tz: 'Europe/Berlin' },
    { name: 'ben', pages: 4, pages_per_week: 0.93, lost: 0, incidents: 3, at_night: 0, nights: 0, acknowledged: 2, tz: 'America/Los_Angeles' },
  ],
  noisiest: [{ reason: 'monitor:mail1/queue', incidents: 31, pages: 31, self_healed: 29, acknowledged: 1, useful: 0, useless: 6, too_late: 0 }, { reason: 'host:web1', incidents: 3, pages: 6, self_healed: 0, acknowledged: 3, useful: 2, useless: 0, too_late: 0 }],
  headroom: [{ kind: 'check', name: 'web1/disk /var', label: '/var', limit: 3.2e10, of: 'max', worst: 3.14e10, at: now() - DAY, share: 0.98, series: 'checks.web1.disk._var_bytes' }],
})

export const someFollowUps = (): OpenFollowUps => ({
  now: now(), late: 1, more: false,
  follow_ups: [
    { id: 1, post_mortem: 1, what: 'a second database', owner: 'ana', due: '2020-01-01', kind: 'task', late: true },
    { id: 2, post_mortem: 1, what: 'tell when orders stop', owner: 'ben', due: '2030-01-01', kind: 'new_monitor', late: false },
  ],
})

export const somePeople = () => [
  { name: 'ana', role: 'admin', display_name: 'Ana Ruiz', time_zone: 'Europe/Berlin', created: now() - 200 * DAY, teams: ['web'] },
  { name: 'ben', role: 'responder', display_name: '', time_zone: null, created: now() - 90 * DAY, teams: ['web', 'data'] },
]
/** One way that is used, one that waits for its code, a browser that is there no more. */
export const someWays = (): OwnWays => ({
  person: 'ana', in_files: false, push_key: 'BA-6', ways: [
    { id: 1, type: 'ntfy', address: 'ana-3f7c1a9e', label: '', channel: null, changed: 0, confirmed: now() - 9 * DAY, gone: null, tested: { at: now() - 3 * DAY, error: null } },
    { id: 2, type: 'sms', address: '+491701234567', label: '', channel: 'text', changed: 0, confirmed: null, gone: null, tested: null },
    { id: 3, type: 'push', address: 'https://push.example/1', label: 'Firefox on Linux', channel: null, changed: 0, confirmed: null, gone: now() - DAY, tested: null },
  ],
  offered: [{ type: 'ntfy', shape: 'a topic', channels: ['ntfy'] }, { type: 'sms', shape: 'a number such as +491701234567', channels: ['text'] }, { type: 'email', shape: 'an address such as name@example.org', channels: ['mail', 'other'] }, { type: 'push', shape: 'a browser', channels: ['push'] }],
})
/** A rule for what is critical, none for the rest. */
export const someRules = (): OwnRules => ({ of_file: false, channels: ['ntfy', 'text', 'phone'], rules: [{ severity: 'critical', steps: [{ after: '0s', channel: 'ntfy' }, { after: '2min', channel: 'text' }, { after: '5min', channel: 'phone' }], repeat_every: '5min' }] })
export const someTeams = () => [{ name: 'web', members: ['ana', 'ben'], prefixes: ['stats.web.', 'host.web'], in_files: true }, { name: 'data', members: ['ben'], in_files: false }]
export const someTokens = () => [{ id: 3, name: 'grafana', role: 'viewer', prefixes: [], owner: 'ana', expires: now() + 30 * DAY, created: now() - 90 * DAY, last_used: now() - 40 }, { id: 4, name: 'deploys', role: 'editor', prefixes: ['stats.web.'], owner: null, expires: now() - DAY, created: now() - 5 * DAY, last_used: null }]

/** One that works, one that fails, one that is over it and reaches nobody. */
export const someChannels = (): Channel[] => [
  { name: 'mail', type: 'email', origin: '/etc/bellwether/bellwether.toml:12', settings: { server: 'mail.example.org:587', from: 'bell@example.org', password: '(hidden)' }, contacts: ['ana', 'ben'], waiting: 0, last_success: now() - 3 * 3600, last_trouble: null },
  { name: 'chat', type: 'slack', origin: '/etc/bellwether/conf.d/chat.toml:1', settings: { url: '(hidden)' }, contacts: ['room'], waiting: 2, last_success: now() - 2 * DAY, last_trouble: { at: now() - 900, why: '503 Service Unavailable: the workspace is being moved', in_a_row: 4, off: false } },
  { name: 'ntfy', type: 'ntfy', origin: null, settings: {}, contacts: [], waiting: 0, last_success: null, last_trouble: { at: now() - 40 * DAY, why: '429 too many requests', in_a_row: 0, off: false } },
]

export const someAudit = () => ({ more: true, entries: [
  { id: 9, at: now() - 60, who: 'ana', via: 'session', source: '10.0.0.7', action: 'role', subject: 'person ben', before: '{"role":"viewer"}', after: '{"role":"responder"}', commit: null },
  { id: 8, at: now() - DAY, who: 'ana', via: 'session', source: '10.0.0.7', action: 'signed in', subject: 'ana', before: null, after: null, commit: null },
] })
