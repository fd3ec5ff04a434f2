/** What can be watched besides a number, and what has to be said for it. The server knows the keys; this is the form. */

/** `list`: one a line; `flag`: yes or not said. */
export type FieldKind = 'text' | 'number' | 'list' | 'flag' | 'length'
export type Field = { key: string; kind: FieldKind; needed?: boolean; hint?: string }
export type Kind = {
  /** Which table it stands in, and what makes it this kind there. */
  table: 'check' | 'monitor'
  fields: Field[]
  /** The value that `warning` and `critical` are of; without one it says itself how it is. */
  main: string | null
  /** Something is run that can be tried. */
  runs: boolean
}

const text = (key: string, hint = ''): Field => ({ key, kind: 'text', hint })
const needed = (field: Field): Field => ({ ...field, needed: true })
const list = (key: string, hint = ''): Field => ({ key, kind: 'list', hint })
const number = (key: string, hint = ''): Field => ({ key, kind: 'number', hint })
const flag = (key: string): Field => ({ key, kind: 'flag' })
const length = (key: string, hint = ''): Field => ({ key, kind: 'length', hint })
const ADDRESS = text('address', 'db.example')
const check = (main: string | null, ...fields: Field[]): Kind => ({ table: 'check', fields, main, runs: true })

/** Those that need a password, a command or a sequence of requests stand in files. */
export const KINDS = {
  http: check('time', needed(text('url', 'https://www.example.com/health')), list('status', '200-299'), list('contains'), list('json', '$.queue.length < 100')),
  tcp: check('time', ADDRESS, needed(number('port', '5432')), text('send'), list('contains'), flag('tls')),
  tls: check('certificate_days', ADDRESS, number('port', '443')),
  dns: check('time', needed(text('query', 'shop.example')), text('record', 'A'), text('server', '10.0.0.53'), list('contains', '192.0.2.7')),
  icmp: check('rta', ADDRESS, number('packets', '5')),
  ssh: check('time', ADDRESS, number('port', '22'), list('matches', 'OpenSSH_9')),
  smtp: check('time', ADDRESS, number('port', '25'), flag('starttls'), flag('tls')),
  process: check('processes', text('process', 'nginx'), text('pattern', 'unicorn.*master'), text('user', 'www-data')),
  systemd: check('active', needed(text('unit', 'nginx.service'))),
  file: check('age', needed(text('path', '/var/backups/db-*.gz')), flag('missing_ok')),
  sql: check('value', ADDRESS, number('port', '5432'), text('user', 'watcher'), text('database', 'shop'), text('query', "SELECT count(*) FROM jobs WHERE state = 'failed'")),
  redis: check('time', ADDRESS, number('port', '6379'), list('lists', 'jobs')),
  resque: check('pending', ADDRESS, number('port', '6379'), text('namespace', 'resque'), list('queues', '*')),
  mongodb: check('lag', ADDRESS, number('port', '27017')),
  graphite: check('value', needed(text('url', 'https://graphite.example')), needed(text('target', 'sumSeries(app.*.errors)')), length('window', '5min'), text('reduce', 'last')),
  nrpe: check(null, ADDRESS, needed(text('query', 'check_load'))),
  passive: { table: 'check', fields: [length('freshness_threshold', '1h')], main: null, runs: false },
  heartbeat: { table: 'monitor', fields: [text('schedule', '0 4 * * *'), length('period', '1d'), length('grace', '1h'), text('time_zone', 'Europe/Berlin'), text('slug', 'nightly-backup')], main: null, runs: false },
  errors: { table: 'monitor', fields: [needed(text('project', 'shop')), needed(list('when', 'new')), text('environment', 'production'), text('release', 'shop@2.*'), text('tag', 'browser=Firefox*'), length('recover_for', '1h')], main: null, runs: false },
} satisfies Record<string, Kind>

export type KindName = keyof typeof KINDS
export const KIND_NAMES = Object.keys(KINDS) as KindName[]
export const kindNamed = (name: string | undefined): KindName | null => KIND_NAMES.find((one) => one === name) ?? null

/** How often a check is run, whatever its kind. */
export const RHYTHM: Field[] = [length('check_interval', '5min'), length('retry_interval', '1min'), number('max_check_attempts', '3')]
