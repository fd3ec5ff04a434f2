/** An estate of checks and monitors as the API tells it, for what no server can be made to say in a second. */
import type { MonitorRow, WatchState } from '../../src/api/types.ts'

export function row(name: string, change: Partial<MonitorRow> = {}): MonitorRow {
  return {
    name, kind: 'check', host: name.includes('/') ? name.split('/')[0] : null, service: null, state: 'OK', state_type: 'HARD', attempt: 1, max_attempts: 3, since: now() - 86_400, text: 'OK', instances: 1, in_trouble: 0,
    acknowledged: false, in_downtime: false, silenced: false, flapping: false, shadow: false, notifies: true, owner: 'web', playbook: 'https://wiki.example/x', pages: 0, fired: 1, self_healed: 0, ...change,
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
