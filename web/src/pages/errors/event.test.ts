import { expect, test } from 'vitest'
import type { ErrorEvent, WholeGroup } from '../../api/errors.ts'
import { attachmentsOf, crashFrame, crumbsOf, exceptionsOf, feedbackOf, folded, hostPattern, isWords, lineOf, messageOf, requestOf, restOf, ruleAt, scrubbedOf, sourceOf, spelled, timeOf } from './event.ts'
import { markdownOf, rawOf, tellingTags } from './raw.ts'
import { platforms } from './snippets.ts'

const frame = (name: string, in_app: boolean, change: Record<string, unknown> = {}) => ({ function: name, filename: `${name}.py`, lineno: 3, in_app, ...change })
const EVENT: ErrorEvent = {
  event_id: 'ab', timestamp: 1_700_000_000, platform: 'python', environment: 'live', server_name: 'web1.example.com',
  exception: { values: [
    { type: 'KeyError', value: "'token'", stacktrace: { frames: [frame('read', true)] } },
    { type: 'DriveError', value: '401 from drive api', mechanism: { type: 'django', handled: false }, stacktrace: { frames: [
      frame('main', true), frame('handle', false), frame('dispatch', false), frame('upload', true, { pre_context: ['a'], context_line: '    raise DriveError()', post_context: ['b'], vars: { user: 'ana', password: '[Filtered]' } }), frame('inside', false),
    ] } },
  ] },
  breadcrumbs: { values: [{ timestamp: '2023-11-14T22:13:20.5', category: 'query', message: 'SELECT 1', data: { ms: 3 } }] },
  request: { method: 'POST', url: 'http://x/', headers: { Host: 'x' }, cookies: {} }, user: { id: '7' }, contexts: { os: { type: 'os', name: 'Linux' } }, extra: {},
  _scrubbed: [{ path: 'exception.values.1.stacktrace.frames.3.vars.password', rule: 'password' }],
}

test('the chain begins with what was raised last, its frames with the crash', () => {
  const [outer, cause, ...rest] = exceptionsOf(EVENT)
  expect([outer.type, outer.handled, cause.type, rest]).toEqual(['DriveError', false, 'KeyError', []])
  expect(outer.frames.map(({ name }) => name)).toEqual(['inside', 'upload', 'dispatch', 'handle', 'main'])
  expect(crashFrame(outer.frames)).toMatchObject({ name: 'upload', line: 3, before: ['a'], code: '    raise DriveError()', after: ['b'], path: 'exception.values.1.stacktrace.frames.3' })
  expect(folded(outer.frames).map((row) => (row.kind === 'fold' ? row.frames.length : row.frame.name))).toEqual(['inside', 'upload', 2, 'main'])
  expect(crashFrame([])).toBeNull()
})

test('without the marks of the program’s own code nothing folds', () => {
  const { frames } = exceptionsOf({ exception: { values: [{ type: 'E', stacktrace: { frames: [frame('a', false), frame('b', false)] } }] } })[0]
  expect(folded(frames)).toHaveLength(2)
  expect(crashFrame(frames)?.name).toBe('b')
})

test('a message may have a stack of its own, or that of a thread, or none', () => {
  const stack = { frames: [frame('a', true)] }
  expect(exceptionsOf({ logentry: { formatted: 'full' }, stacktrace: stack })[0]).toMatchObject({ type: '', value: 'full' })
  expect(exceptionsOf({ threads: { values: [{ id: 1 }, { crashed: true, stacktrace: stack }] } })[0].frames[0].path).toBe('threads.values.1.stacktrace.frames.0')
  expect(exceptionsOf({ logentry: { message: 'full %s' } })).toEqual([])
  expect(messageOf({ logentry: { message: 'full %s', formatted: 'full 3' } })).toBe('full 3')
})

test('what was taken out is found by its path, or that of what it is within', () => {
  const scrubbed = scrubbedOf(EVENT)
  expect(ruleAt(scrubbed, 'exception.values.1.stacktrace.frames.3.vars.password')).toBe('password')
  expect(ruleAt(scrubbed, 'exception.values.1.stacktrace.frames.3.vars')).toBe('password')
  expect(ruleAt(scrubbed, 'exception.values.1.stacktrace.frames.3.vars.pass')).toBeNull()
})

test('locals that every module has stand last', () => {
  const frames = [{ function: 'main', vars: { __name__: 'x', __doc__: null, basket: [], user: 'ana' } }]
  expect(exceptionsOf({ exception: { values: [{ type: 'E', stacktrace: { frames } }] } })[0].frames[0].vars.map(([name]) => name)).toEqual(['basket', 'user', '__name__', '__doc__'])
})

test('breadcrumbs, request and the rest', () => {
  expect(crumbsOf(EVENT)).toEqual([{ at: 1_700_000_000.5, level: '', category: 'query', message: 'SELECT 1', data: [['ms', 3]], path: 'breadcrumbs.values.0' }])
  expect(requestOf(EVENT).map(({ path, rows }) => [path, rows.length])).toEqual([['request', 2], ['request.headers', 1]])
  expect(restOf(EVENT).map(({ path, rows }) => [path, rows])).toEqual([['user', [['id', '7']]], ['contexts.os', [['name', 'Linux']]]])
  expect([timeOf('never'), timeOf(null), timeOf('2023-11-14T22:13:20+00:00')]).toEqual([null, null, 1_700_000_000])
  expect([spelled('a'), spelled({ a: [1, 2] }), spelled(null), spelled(undefined)]).toEqual(['a', '{"a":[1,2]}', 'null', ''])
})

test('what somebody did is a line, not a table', () => {
  const crumb = (one: Record<string, unknown>) => crumbsOf({ breadcrumbs: [one] }).map(({ message, data }) => [message, data])[0]
  expect(crumb({ data: { url: 'http://x/', method: 'PUT', status_code: 401, ms: 3 } })).toEqual(['PUT http://x/ 401', [['ms', 3]]])
  // As Python's client writes it.
  expect(crumb({ data: { url: 'http://x/', 'http.method': 'GET', 'http.query': 'a=1', 'http.fragment': '', 'http.response.status_code': 200, reason: 'OK' } })).toEqual(['GET http://x/?a=1 200', [['reason', 'OK']]])
  expect(crumb({ data: { from: '/a', to: '/b' } })).toEqual(['/a → /b', []])
  expect(crumb({ message: 'said', data: { url: 'http://x/' } })).toEqual(['said', [['url', 'http://x/']]])
})

test('what came with it: the words of the user, and files', () => {
  expect(feedbackOf({ _feedback: { at: 5, name: 'Vera', email: '', comments: 'gone' } })).toEqual({ at: 5, who: 'Vera', email: '', said: 'gone', url: '' })
  const words = { timestamp: 7, contexts: { feedback: { message: 'where?', name: 'Otto', contact_email: 'o@x', url: 'http://x/' } } }
  expect(feedbackOf(words)).toEqual({ at: 7, who: 'Otto', email: 'o@x', said: 'where?', url: 'http://x/' })
  expect([isWords(words), isWords(EVENT), restOf(words)]).toEqual([true, false, []])
  expect([feedbackOf({}), feedbackOf({ _feedback: { comments: '' } })]).toEqual([null, null])
  expect(attachmentsOf({ _attachments: [{ id: 3, name: 'log.txt', size: 12 }, { name: 'x' }, null] })).toEqual([{ id: 3, name: 'log.txt', size: 12 }])
})

test('nothing in an event can be relied on', () => {
  for (const odd of [{}, { exception: 3, breadcrumbs: [null, 'x'], request: [], user: 'x', contexts: { a: 1 }, _scrubbed: 'x', threads: {} }, { exception: { values: [null, {}, { stacktrace: { frames: [null, 5] } }] } }] as ErrorEvent[]) {
    expect(() => [exceptionsOf(odd), crumbsOf(odd), requestOf(odd), restOf(odd), scrubbedOf(odd), rawOf(odd), feedbackOf(odd), attachmentsOf(odd)]).not.toThrow()
  }
})

test('a stack as text is what stood in the log', () => {
  expect(rawOf(EVENT)).toMatch(/^Traceback \(most recent call last\):\n  File "read.py", line 3, in read\nKeyError: 'token'\n\nThe above exception was the direct cause/)
  expect(rawOf(EVENT)).toMatch(/  File "upload.py", line 3, in upload\n    raise DriveError\(\)\n  File "inside.py", line 3, in inside\nDriveError: 401 from drive api$/)
  expect(rawOf({ ...EVENT, platform: 'node' })).toMatch(/^DriveError: 401 from drive api\n    at inside \(inside.py:3\)\n/)
  expect(rawOf({ ...EVENT, platform: 'java' })).toContain("\nCaused by: KeyError: 'token'\n\tat read(read.py:3)")
  for (const platform of ['ruby', 'php', 'go', 'csharp', 'other']) expect(rawOf({ ...EVENT, platform })).toContain('upload')
  expect(rawOf({ logentry: { formatted: 'full' } })).toBe('full')
})

test('as Markdown: what, how often, what is telling, and the stack in a fence that holds it', () => {
  const group = { id: 7, short: 'WEB-7', title: 'DriveError: 401\nfrom drive', culprit: 'jobs.upload', count: 412, users: 87, first_seen: 1_700_000_000, last_seen: 1_700_000_100, release_first: 'web@1.4.3', release_last: 'web@1.4.3', tags: [
    { key: 'drive', values: [{ value: 'gdrive', count: 9, last_seen: 0, share: 0.97, usual: 0.2 }] }, { key: 'os', values: [{ value: 'Linux', count: 9, last_seen: 0, share: 1, usual: 0.99 }] },
  ] } as unknown as WholeGroup
  const text = markdownOf(group, { logentry: { formatted: 'a ``` b' } }, 'http://x/errors/7')
  expect(text).toContain('## [WEB-7](http://x/errors/7) DriveError: 401 from drive\n\n- 412 events, 87 users; first 2023-11-14 22:13:20 UTC')
  expect(text).toContain('- drive = gdrive: 97 %, normally 20 %\n')
  expect(text).toContain('\n````\na ``` b\n````\n')
  expect(text).not.toContain('Linux')
  expect(markdownOf(group, null, 'x')).not.toContain('```')
  expect(tellingTags(group)).toHaveLength(1)
})

test('a host’s series may have its name in three ways', () => {
  expect([hostPattern('web1'), hostPattern('web1.example.com'), hostPattern('10.0.0.3'), hostPattern('')]).toEqual(['host.web1', 'host.{web1_example_com,web1}', 'host.10_0_0_3', null])
})

test('a frame of the program leads to its line of source', () => {
  const [own] = exceptionsOf({ exception: { values: [{ type: 'E', stacktrace: { frames: [frame('a b', true, { abs_path: '/srv/web/jobs/a b.py' })] } }] } })[0].frames
  const source = sourceOf({ _source: { url: 'https://git.example/web/blob/abc/{path}#L{line}', root: '/srv/web/' } })
  expect(lineOf(source, own)).toBe('https://git.example/web/blob/abc/jobs/a%20b.py#L3')
  expect(lineOf({ ...source!, root: '' }, own)).toBe('https://git.example/web/blob/abc/a%20b.py#L3')
  expect([lineOf(source, { ...own, inApp: false }), lineOf(source, { ...own, line: null }), lineOf(null, own)]).toEqual([null, null, null])
  for (const up of ['../../../evil/raw/x.py', 'a/../../x.py', './x.py', '/srv/web/../x.py']) expect(lineOf(source, { ...own, file: up, absolute: '' })).toBeNull()
  expect(lineOf({ ...source!, url: 'https://git.example/web/blob/../{path}#L{line}' }, own)).toBeNull()
  expect(lineOf(source, { ...own, file: 'a..b/...py', absolute: '' })).toContain('a..b/...py')
  expect([sourceOf({}), sourceOf({ _source: { url: 'javascript:alert(1)' } })]).toEqual([null, null])
})

test('twelve platforms, each with the DSN', () => {
  const list = platforms('http://key@x/3')
  expect(new Set(list.map(({ name }) => name)).size).toBe(12)
  for (const { code, install } of list) expect([code.includes('http://key@x/3'), install !== '']).toEqual([true, true])
})
