/** Errors as the API tells them. */
import type { ErrorEvent, ErrorGroup, Project, Said, SeriesAnswer, WholeGroup, WholeRelease } from '../../src/api/errors.ts'

const HOUR = 3600
const now = () => Math.floor(Date.now() / 1000)

/** Rises and falls over a day, the same for the same group. */
const hours = (id: number, last: number) => Array.from({ length: 24 }, (_, hour) => (hour === 23 ? last : Math.round(4 + 3 * Math.sin(hour / 3 + id))))

export const aGroup = (id: number, change: Partial<ErrorGroup> = {}): ErrorGroup => ({
  id, short: `WEB-${id}`, project: 1, project_name: 'web', title: `TimeoutError: upstream ${id} did not answer within 30 s`, culprit: `jobs.upload in upload_part_${id}`, level: id % 5 === 0 ? 'warning' : 'error', status: 'unresolved', count: 40 + id * 7, users: id * 3,
  first_seen: now() - 86_400 * (id + 2), last_seen: now() - id * 61, release_first: 'web@1.3.9', release_last: 'web@1.4.2', environment: ['production'], assigned: id % 3 === 0 ? 'ana' : null, hours: hours(id, 5), is_new_since_deploy: false, unhandled: id % 4 === 0, ...change,
})

/** Two that are new since the deploy, one that came back, a spike, and as many that are known. */
export const someGroups = (known = 30): ErrorGroup[] => [
  aGroup(7, { title: 'DriveError: 401 from drive api', culprit: 'jobs.upload', count: 412, users: 87, first_seen: now() - 720, last_seen: now() - 1, release_first: 'web@1.4.3', release_last: 'web@1.4.3', hours: [...Array.from({ length: 23 }, () => 0), 412], is_new_since_deploy: true, unhandled: true }),
  aGroup(8, { title: 'TypeError: can’t access property “id”, t is undefined', count: 3, users: 2, first_seen: now() - 400, release_first: 'web@1.4.3', release_last: 'web@1.4.3', hours: [...Array.from({ length: 23 }, () => 0), 3], is_new_since_deploy: true }),
  aGroup(9, { title: 'IntegrityError: duplicate key value violates unique constraint "uploads_pkey"', regressed_at: now() - 900, level: 'fatal' }),
  aGroup(10, { title: 'Queue is full', level: 'warning', hours: hours(10, 190) }),
  ...Array.from({ length: known }, (_, index) => aGroup(20 + index)),
]

const frame = (name: string, in_app: boolean, lineno: number, change: Record<string, unknown> = {}) => ({ function: name, module: in_app ? 'jobs.upload' : 'celery.app.trace', filename: in_app ? 'jobs/upload.py' : 'celery/app/trace.py', abs_path: `/srv/web/${in_app ? 'jobs/upload.py' : 'celery/app/trace.py'}`, lineno, in_app, ...change })
const crash = frame('send_part', true, 88, {
  pre_context: ['    def send_part(self, part):', '        response = self.drive.put(part.url, data=part.body, headers=self.headers())', '        if response.status == 429:', '            raise RetryLater(response)', '        if response.status >= 400:'],
  context_line: '            raise DriveError(f"{response.status} from drive api")', post_context: ['        return response.etag', '', '    def headers(self):', '        return {"authorization": f"Bearer {self.token}"}'],
  vars: { self: '<Upload 9917>', part: { number: 3, size: 5_242_880 }, response: '<Response 401>', token: '[Filtered]' },
})

export const anEvent = (number = 0, change: ErrorEvent = {}): ErrorEvent => ({
  event_id: `${number}`.padStart(32, 'a'), timestamp: now() - 30 - number * 60, platform: 'python', level: 'error', environment: 'production', release: 'web@1.4.3', server_name: 'web1.example.com', transaction: 'jobs.upload',
  exception: { values: [
    { type: 'HTTPError', value: '401 Client Error: Unauthorized', stacktrace: { frames: [frame('raise_for_status', false, 960)] } },
    { type: 'DriveError', value: '401 from drive api', mechanism: { type: 'celery', handled: false }, stacktrace: { frames: [frame('trace_task', false, 451), frame('__protected_call__', false, 734), frame('upload', true, 41, { context_line: '    return Upload(job).run()', vars: { job: '<Job 9917 gdrive>' } }), frame('run', true, 63), crash] } },
  ] },
  breadcrumbs: { values: [
    { timestamp: now() - 33, category: 'query', message: 'SELECT * FROM uploads WHERE id = 9917', data: { ms: 3 } }, { timestamp: now() - 32, category: 'http', message: '', data: { url: 'https://drive.example.com/upload', method: 'PUT', status_code: 401 } }, { timestamp: now() - 31, category: 'log', level: 'error', message: 'drive refused part 3' },
  ] },
  request: { method: 'POST', url: 'https://web.example.com/jobs/9917', query_string: 'retry=1', headers: { Host: 'web.example.com', Authorization: '[Filtered]' } }, user: { id: '17', email: 'vera@example.com' },
  _feedback: { at: now() - 20, name: 'Vera', email: 'vera@example.com', comments: 'My photos do not get there.\nIt worked yesterday.', url: '' }, _attachments: [{ id: 5, name: 'job.log', content_type: 'text/plain', kind: 'event.attachment', size: 4100 }],
  contexts: { runtime: { name: 'CPython', version: '3.11.2' }, os: { type: 'os', name: 'Linux' } }, extra: { celery_retries: 2 },
  _scrubbed: [{ path: 'exception.values.1.stacktrace.frames.4.vars.token', rule: 'token' }, { path: 'request.headers.Authorization', rule: 'auth' }], ...change,
})

export const wholeGroup = (change: Partial<WholeGroup> = {}): WholeGroup => ({
  ...someGroups()[0],
  tags: [
    { key: 'browser', values: [{ value: 'Firefox 132', count: 250, last_seen: now(), share: 0.61, usual: 0.58 }, { value: 'Chrome 131', count: 162, last_seen: now(), share: 0.39, usual: 0.4 }] },
    { key: 'drive', values: [{ value: 'gdrive', count: 400, last_seen: now(), share: 0.97, usual: 0.2 }, { value: 'box', count: 12, last_seen: now(), share: 0.03, usual: 0.4 }] },
    { key: 'server_name', values: ['web1', 'web2', 'web3', 'web4', 'web5'].map((value) => ({ value: `${value}.example.com`, count: 82, last_seen: now(), share: 0.2, usual: 0.2 })) },
  ],
  releases: [{ release: 'web@1.4.3', count: 400, first_seen: now() - 720 }, { release: 'web@1.4.3-rc1', count: 3, first_seen: now() - 720 }, { release: 'web@1.4.2', count: 12, first_seen: now() - 86_400 }],
  hashes: [
    { hash: '7f0a'.repeat(8), version: 1, count: 400, first_seen: now() - 720, last_seen: now(), why: { name: 'exceptions', counts: true, parts: [{ name: 'exception', counts: true, parts: [{ name: 'type', value: 'DriveError', counts: true }, { name: 'value', value: '401 from drive api', counts: false, hint: 'a frame tells where it was' }, { name: 'frame', value: 'jobs.upload send_part', counts: true }] }] } },
    { hash: '01bc'.repeat(8), version: 1, count: 12, first_seen: now() - 700, last_seen: now(), why: null },
  ],
  activity: [{ at: now() - 200, who: 'ana', kind: 'assigned', text: 'ben' }, { at: now() - 720, who: '', kind: 'opened', text: '' }],
  unparted: [{ group: 9, short: 'WEB-9', is_here: true, events: 3, users: 1 }], ...change,
})

export const aProject = (change: Partial<Project> = {}): Project => ({
  id: 1, name: 'web', created: now() - 30 * 86_400, dsn: `http://${'a'.repeat(32)}@127.0.0.1:8080/1`, last_heard: now() - 3, client: 'sentry.python/2.19.0', keys: [{ key: 'a'.repeat(32), label: '', enabled: true, created: now() - 30 * 86_400, dsn: `http://${'a'.repeat(32)}@127.0.0.1:8080/1` }, { key: 'b'.repeat(32), label: 'old', enabled: false, created: 0, dsn: '' }],
  releases: [{ release: 'web@1.4.3', first_seen: now() - 720 }, { release: 'web@1.4.2', first_seen: now() - 5 * 86_400 }], ...change,
})

/** Two hours old, deployed twice. */
export const aRelease = (change: Partial<WholeRelease> = {}): WholeRelease => ({
  release: 'web@1.4.3', first_seen: now() - 7200, released: null, url: null, deploys: 2, commits: 1, groups_new: 2, events: 415, sessions: 900, crashed: 11, crash_free: 0.9876, adoption: 0.6, since: now() - 14 * 86_400,
  deployed: [{ environment: 'production', name: 'web1-web3', url: 'https://ci.example.com/77', started: now() - 7000, finished: now() - 6900 }, { environment: 'staging', name: '', url: '', started: null, finished: now() - 7100 }],
  changes: [{ id: '4f2a9c1b'.repeat(5), repository: 'web', author_name: 'Ana', author_email: 'ana@example.com', at: now() - 9000, message: 'Upload in parts\n\nas drive asks for' }], ...change,
})

const words = (event: number, change: Partial<Said>): Said => ({
  at: now() - 60 * event, name: 'Vera', email: 'vera@example.com', comments: 'My photos do not get there.\nIt worked yesterday.', url: null, project: 1, project_name: 'web', event: `${event}`.padStart(32, 'a'), group: { id: 7, short: 'WEB-7', title: 'DriveError: 401 from drive api', status: 'unresolved', kind: 'exception' }, ...change,
})
/** Of two events of an error, of no error, and of an event that is not kept. */
export const someWords = (): Said[] => [
  words(1, {}),
  words(2, { name: '', email: '', comments: 'It is slow', group: { id: 7, short: 'DRIVE-7', title: 'DriveError: 401 from drive api', status: 'unresolved', kind: 'exception' } }),
  words(20, { name: 'Otto', comments: 'Where is the button to pay?', url: 'https://shop.example.com/cart', group: { id: 12, short: 'WEB-12', title: 'Where is the button to pay?', status: 'resolved', kind: 'feedback' } }),
  words(21, { comments: 'x'.repeat(300), group: null }),
]

export const aSeries = (): SeriesAnswer => ({ step: HOUR, from: now() - 24 * HOUR, until: now(), series: [{ name: '', points: [[now() - HOUR, 12]] }, { name: 'web@1.4.2', points: [[now() - HOUR, 220]] }, { name: 'web@1.4.3', points: [[now() - 2 * HOUR, 15], [now() - HOUR, 400]] }] })
