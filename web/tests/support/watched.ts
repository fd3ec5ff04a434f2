/** An estate of checks and monitors as the API tells it, for what no server can be made to say in a second. */
import type { PlaybookOf } from '../../src/api/learning.ts'
import type { AvailabilityAnswer, AvailabilityItem, EarlierTime, HistoryAnswer, Incident, MonitorDetail, MonitorRow, MovedAnswer, Notification, ServiceItem, ServicesAnswer, Watched, WatchState, WholeIncident } from '../../src/api/types.ts'

export function row(name: string, change: Partial<MonitorRow> = {}): MonitorRow {
  return {
    name, kind: 'check', host: name.includes('/') ? name.split('/')[0] : null, service: null, state: 'OK', state_type: 'HARD', attempt: 1, max_attempts: 3, since: now() - 86_400, text: 'OK', instances: 1, in_trouble: 0,
    acknowledged: false, in_downtime: false, silenced: false, flapping: false, shadow: false, notifies: true, owner: 'web', playbook: 'https://wiki.example/x', pages: 0, fired: 1, self_healed: 0, origin: '/etc/bellwether/bellwether.toml:1', ...change,
  }
}

const now = () => Math.floor(Date.now() / 1000)

/** A few in every kind of trouble. */
export function troubled(): MonitorRow[] {
  const bad = (name: string, state: WatchState, minutes: number, change: Partial<MonitorRow> = {}) => row(name, { state, since: now() - minutes * 60, in_trouble: 1, ...change })
  return [
    bad('web1/disk /var/lib/docker', 'CRITICAL', 12, { text: 'DISK CRITICAL - free space: /var/lib/docker 312 MB (1% inode=98%)', pages: 3, fired: 4, owner: 'ana' }),
    bad('gdrive uploads fail', 'CRITICAL', 3, { kind: 'metric', host: null, text: 'stats.uploads.gdrive.failed is 30, above 10 for 30 s', instances: 5, pages: 7, fired: 9, self_healed: 6, playbook: null }),
    bad('db2', 'DOWN', 47, { kind: 'host', host: 'db2', text: 'CRITICAL - Host Unreachable (10.0.3.7)', acknowledged: true }),
    bad('db2/postgres', 'CRITICAL', 47, { text: 'connection refused', acknowledged: true }),
    bad('rack7-switch', 'UNREACHABLE', 47, { kind: 'host', host: 'rack7-switch', text: 'router1 is down', owner: null }),
    bad('mail1/queue', 'WARNING', 240, { text: 'QUEUE WARNING: 812 mails', flapping: true, pages: 31, fired: 40, self_healed: 38, owner: null, playbook: null }),
    bad('web2/load', 'WARNING', 1, { state_type: 'SOFT', attempt: 2, text: 'load average: 9.31, 7.02, 4.40' }),
    bad('web3/http', 'CRITICAL', 90, { in_downtime: true, text: 'connect to address 10.0.0.3 and port 80: Connection refused' }),
    bad('nightly backup', 'UNKNOWN', 600, { kind: 'heartbeat', host: null, text: 'no ping for 10 h, expected every day at 03:00', owner: 'ops' }),
    bad('a rule with a very long name that somebody wrote as a whole sentence so that nobody has to guess what it could possibly be about when it fires at night', 'WARNING', 30, { text: 'and its text is long as well: '.repeat(6), shadow: true, notifies: false }),
  ]
}

/** Many, nearly all of them well. */
export function estate(count: number): MonitorRow[] {
  const calm = Array.from({ length: count }, (_, index) =>
    row(`web${Math.floor(index / 12) + 1}/${['disk /', 'load', 'http', 'ssh', 'ntp', 'users', 'swap', 'procs', 'mail', 'dns', 'ping', 'tls'][index % 12]}`, { fired: index % 7, owner: index % 5 ? 'web' : null, text: `OK - ${index} ms`, state: index % 400 === 7 ? 'PENDING' : 'OK' }),
  )
  return [...troubled(), ...calm]
}

/** A check in trouble, as its page asks for it. */
export function aCheck(change: Partial<Watched> = {}): Watched {
  return {
    name: 'web1/disk /var', host: 'web1', state: 'CRITICAL', state_type: 'HARD', attempt: 3, max_check_attempts: 3, since: now() - 720, flapping: false, percent_state_change: 6.4, in_downtime: false, acknowledged: false,
    acknowledgement: null, withheld: null, last_output: 'DISK CRITICAL - free space: /var 312 MB (1% inode=98%);', long_output: '/var/lib/docker: 12 GB\n/var/log: 3 GB',
    perfdata: [
      { label: '/var', value: 31_400, uom: 'MB', warn: '25600', crit: '28800', min: 0, max: 32_000, breach: 'critical' },
      { label: 'time', value: 0.012, uom: 's', warn: '1', crit: '5', min: 0, max: null, breach: 'none' },
    ],
    perfdata_series: [{ label: '/var', series: 'checks.web1.disk._var_bytes', scale: 1_048_576 }, { label: 'time', series: 'checks.web1.disk.time_seconds', scale: 1 }],
    value: null, last_check: now() - 14, next_check: now() + 46, execution_seconds: 0.031, notification_number: 2, last_notification: now() - 600, next_notification: now() + 3000, notifications_enabled: true, active_checks_enabled: true,
    passive_results_enabled: true, parents: [{ host: 'web1', state: 'UP' }], downtimes: [], comments: [], ...change,
  }
}

export function aPast(from: number, until: number): HistoryAnswer {
  const cuts: [number, WatchState, 'SOFT' | 'HARD', string][] = [
    [0.1, 'OK', 'HARD', 'DISK OK - free space: /var 9800 MB (30%)'], [0.4, 'WARNING', 'HARD', 'DISK WARNING - free space: /var 5800 MB (18%)'], [0.5, 'OK', 'HARD', 'DISK OK - free space: /var 9100 MB (28%)'],
    [0.9, 'CRITICAL', 'SOFT', 'DISK CRITICAL - free space: /var 900 MB (2%)'], [0.92, 'CRITICAL', 'HARD', 'DISK CRITICAL - free space: /var 312 MB (1%)'],
  ]
  const at = (share: number) => Math.round(from + share * (until - from))
  const end = (index: number) => at(cuts[index + 1]?.[0] ?? 1)
  return {
    from, until, more: false,
    ribbon: cuts.map(([share, state, state_type], index) => ({ from: at(share), until: end(index), state, state_type })),
    runs: cuts.map(([share, state, state_type, text], index) => ({ from: at(share), until: end(index), count: 40, status: 0, state, state_type, attempt: state_type === 'SOFT' ? 1 : 3, active: true, text, value: null })),
  }
}

export const someNotices = (): Notification[] =>
  [['problem', 'CRITICAL', 600], ['problem', 'CRITICAL', 300], ['acknowledgement', 'CRITICAL', 120]].map(([kind, state, ago], index) => ({
    at: now() - (ago as number), kind: kind as string, state: state as WatchState, recipient: index ? 'ana' : 'on-call', channel: 'log', check: 'web1/disk /var', host: null, instance: null, number: index + 1, text: 'DISK CRITICAL', author: index === 2 ? 'Ana' : '', comment: '',
  }))

export const aDefinition = (change: Partial<MonitorDetail> = {}): MonitorDetail => ({
  ...row('web1/disk /var', { service: 'disk', state: 'CRITICAL', since: now() - 720 }), instances_list: [], more: false, version: null, next_check: null, origin: '/etc/bellwether/conf.d/web.toml:14',
  definition: { check: { name: 'web1/disk /var' } }, toml: '[[check]]\nname = "web1/disk /var"\nhost = "web1"\nservice = "disk"\ncommand = ["/usr/lib/nagios/plugins/check_disk", "-w", "20%", "-c", "10%", "-p", "/var"]\ncheck_interval = "1min"\nmax_check_attempts = 3\n', ...change,
})

export function anIncident(id: number, change: Partial<Incident> = {}): Incident {
  return {
    id, reason: 'monitor:gdrive uploads fail', title: 'gdrive uploads fail', phase: 'open', severity: 'CRITICAL', worst: 'CRITICAL', opened: now() - 720, closed: null, acknowledged: null, snoozed_until: null, self_healed: false, resolved_by: null, owner: null, severity_by: null, helped: null, declared_by: null, merged_into: null, also: [], reopened: 0, grouped: 0, bad: 1, instances: 5,
    playbook: 'https://wiki.example/uploads', breaches: 1, environment: null, production: true, ...change,
  }
}

export const someIncidents = (): Incident[] => [
  anIncident(42, { acknowledged: { by: 'Ana', at: now() - 480, comment: 'looking at provider status' }, phase: 'acknowledged' }),
  anIncident(43, { title: 'web1/disk /var is CRITICAL', opened: now() - 200, instances: 1 }),
  anIncident(41, { title: 'search is slow', phase: 'resolved', severity: 'OK', worst: 'WARNING', closed: now() - 9000, opened: now() - 9600, self_healed: true, bad: 0 }),
]

export const aWholeIncident = (): WholeIncident => ({
  ...anIncident(42, { acknowledged: { by: 'Ana', at: now() - 480, comment: 'looking at provider status' }, phase: 'acknowledged' }),
  troubles: [
    { host: false, monitor: 'gdrive uploads fail', instance: 'stats.uploads.gdrive.failed', state: 'CRITICAL', worst: 'CRITICAL', since: now() - 720, until: null, value: 30, text: '30 is above 10 for 30 s', why: null, withheld: null, acknowledged: null },
    { host: false, monitor: 'gdrive uploads fail', instance: 'stats.uploads.box.failed', state: 'OK', worst: 'CRITICAL', since: now() - 700, until: now() - 300, value: 0, text: '0', why: null, withheld: null, acknowledged: null },
  ],
  timeline: [
    { at: now() - 720, kind: 'opened', who: '', text: 'gdrive uploads fail' },
    { at: now() - 719, kind: 'page', who: 'ana', text: 'by mail, delivered' },
    { at: now() - 480, kind: 'acknowledged', who: 'Ana', text: 'looking at provider status' },
    { at: now() - 300, kind: 'note', who: 'Ana', text: 'rolled back on web1' },
  ],
  unlisted: 0,
  judged: null,
  pages: [
    { id: 1, kind: 'problem', contact: 'ana', channel: 'mail', at: now() - 719, state: 'delivered', tries: 1, ended: now() - 718, error: '' },
    { id: 2, kind: 'problem', contact: 'ben', channel: 'chat', at: now() - 719, state: 'given_up', tries: 4, ended: now() - 600, error: '410 Gone: the address of the channel is not there any more' },
  ],
})

export const someEarlier = (): { earlier: EarlierTime[] } => ({
  earlier: [
    { id: 31, title: 'gdrive uploads fail', same: 'reason', opened: now() - 12 * 86_400, closed: now() - 12 * 86_400 + 840, seconds: 840, worst: 'CRITICAL', owner: 'ana', self_healed: false, helped: { text: 'rolled back web@1.3.9', who: 'ana', at: now() - 12 * 86_400 + 800 }, judged: 'too late', post_mortem: { id: 4, title: 'gdrive uploads fail', open_follow_ups: 1 } },
    { id: 17, title: 'gdrive uploads fail', same: 'members', opened: now() - 90 * 86_400, closed: now() - 90 * 86_400 + 540, seconds: 540, worst: 'WARNING', owner: 'ben', self_healed: false, helped: null, judged: null, post_mortem: null },
  ],
})

export const somePlaybook = (): PlaybookOf => ({ name: null, version: 0, url: 'https://wiki.example/uploads', title: '', text: '', steps: [], problem: null, missing: null })

export const someMoved = (): MovedAnswer => ({
  from: now() - 1020, until: now(), looked_at: 412, left_out: 0,
  moved: [
    { series: 'host.web1.disk.var.used_bytes', before: 2.1e10, during: 3.2e10, score: 88, share_of_limit: 1, limit: 3.2e10 },
    { series: 'stats.uploads.gdrive.completed', before: 41, during: 2.5, score: 41, share_of_limit: null, limit: null },
    { series: 'host.web1.processes.blocked', before: 0, during: 0, score: 1000, share_of_limit: null, limit: null },
  ],
})

export function aService(name: string, change: Partial<ServiceItem> = {}): ServiceItem {
  return {
    name, description: null, owner: 'web', playbook: null, url: null, external: false, objective: { text: '99.9 % over 30d', percent: 99.9, over_seconds: 2_592_000, allowed_seconds: 2592 }, state: 'OK', since: now() - 90_000, condition: null, fault: null,
    causes: [], conditions: { availability: { state: 'OK', members: 2 }, latency: { state: 'OK', members: 1 }, function: { state: null, members: 0 } }, dependencies: [], needed_by: [], members: [], members_in_all: 3,
    coverage: { watched: 4, of: 6, percent: 66, unwatched: ['uploads.s3', 'web4'] }, targets: [], ...change,
  }
}

export const someServices = (): ServicesAnswer => ({
  now: now(), without_objective: ['Search'], without_owner: [],
  services: [
    aService('Uploads', {
      state: 'CRITICAL', since: now() - 720, condition: 'function', fault: 'them', causes: ['Google Drive'], description: 'people bring their files here',
      dependencies: [{ name: 'Google Drive', external: true, state: 'CRITICAL', since: now() - 800, url: 'https://www.google.com/appsstatus' }, { name: 'Database', external: false, state: 'OK', since: null, url: null }],
      members: [{ name: 'gdrive uploads fail', condition: 'function', state: 'CRITICAL', since: now() - 720, text: '30 is above 10 for 30 s', planned: false }], conditions: { availability: { state: 'OK', members: 2 }, latency: { state: null, members: 0 }, function: { state: 'CRITICAL', members: 1 } },
    }),
    aService('Google Drive', { external: true, state: 'CRITICAL', since: now() - 800, condition: 'availability', fault: 'them', owner: null, objective: null, needed_by: ['Uploads'], coverage: { watched: 0, of: 0, percent: null, unwatched: [] } }),
    aService('Search', { state: 'WARNING', condition: 'latency', fault: 'us', since: now() - 4000, objective: null }),
    aService('Database', { coverage: { watched: 6, of: 6, percent: 100, unwatched: [] } }),
    aService('Mail', { state: null, owner: null, members_in_all: 0, conditions: { availability: { state: null, members: 0 }, latency: { state: null, members: 0 }, function: { state: null, members: 0 } } }),
  ],
})

function attained(name: string, percent: number | null, change: Partial<AvailabilityItem> = {}): AvailabilityItem {
  const month = 2_592_000
  const trouble = percent === null ? 0 : Math.round((month * (100 - percent)) / 100)
  return {
    name, external: false, from: now() - month, until: now(), objective: { text: '99.9 % over 30d', percent: 99.9, over_seconds: month, allowed_seconds: 2592 }, attained_percent: percent, meets: percent === null ? null : percent >= 99.9,
    available_seconds: month - trouble, in_trouble_seconds: trouble, planned_seconds: 0, unknown_seconds: percent === null ? month : 0, outages: trouble ? 3 : 0, budget_left_seconds: 2592 - trouble, causes: trouble ? [{ name: 'gdrive uploads fail: stats.uploads.gdrive.failed', seconds: trouble }] : [], ...change,
  }
}

export const someAvailability = (): AvailabilityAnswer => ({
  now: now(), without_objective: ['Search'],
  services: [attained('Uploads', 99.41, { planned_seconds: 7200 }), attained('Database', 99.97), attained('Google Drive', 98.2, { external: true, objective: null, meets: null, budget_left_seconds: null }), attained('Mail', null), attained('Search', 100, { objective: null, meets: null, budget_left_seconds: null })],
})
