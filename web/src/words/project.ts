/** What the settings of a project that sends errors say. */
import type { Does, Key } from '../pages/errors/settings.ts'

const grouped = (count: number) => count.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f')
const plural = (count: number, one: string, many = one + 's') => `${grouped(count)} ${count === 1 ? one : many}`

export const words = {
  of: (name: string) => `Settings of ${name}`, failed: 'The settings could not be loaded', refused: 'It was not saved', save: 'Save', saving: 'Saving…', saved: (name: string) => `Settings of ${name} are saved`, unchanged: 'Nothing is changed.', none: '–',
  clash: (names: string[]) => `Somebody else has changed this meanwhile: ${names.join(', ')}. Save again to put yours in its place, or close to look at theirs.`,
  loses: (days: number | null) => `Events that are older than ${days === null ? 'the configuration says' : plural(days, 'day')} go at once, for good.`, losesMeant: 'Save, and let them go', losesNot: 'Not yet',
  wrongNumber: 'Write a whole number, or nothing.',
  groupedBy: (version: number, newest: number) => `Errors are told apart by version ${version} of our grouping${version < newest ? `; ${newest} is the newest, and is set through the API (grouping_version)` : ', the newest'}.`,
  groupedBefore: (version: number, until: string) => `Until ${until} known ones are found by version ${version}, too.`,
  baseline: { none: 'It has no baseline: whatever is seen for the first time is told of as new.', over: (until: string) => `Its baseline was over at ${until}: whatever is seen for the first time since is told of as new.`, on: (until: string) => `Baseline until ${until}: what is seen for the first time before then was wrong before the move already, and is not told of as new.` },
  name: {
    label: 'Name of the project', rename: 'Rename', renamed: (name: string) => `The project is called ${name} now`, failed: 'It was not renamed', limited: 'Its name says whose it is: it is changed by editors who see everything.',
    help: 'Number and DSNs stay. Series (errors.NAME.…), and the teams, rules, targets and sentry-cli that name it, need the new one.',
  },
  parts: { name: 'Name', links: 'Links', owners: 'Owners', grouping: 'Grouping', limits: 'How much, and for how long', privacy: 'What is taken out', tee: 'To the old Sentry too', keys: 'Keys' },
  keys: {
    source_url: 'Where a line of source is seen', source_root: 'What paths begin with that is not of the repository', issue_url: 'Where an issue is begun', owners: 'Owners', rules: 'Rules', facets: 'Counted as tags',
    retention_days: 'Kept for days', max_events_per_5m: 'Events in five minutes, at most', max_transactions_per_5m: 'Transactions in five minutes, at most', max_sessions_per_5m: 'Items of sessions in five minutes, at most', spike_factor: 'So many times the usual is a spike', tee: 'DSN of the old one',
    scrub_defaults: 'Secrets by well-known names, card numbers, passwords in URLs', remove_addresses: 'Addresses of users, too', scrub_fields: 'Also these fields', safe_fields: 'Never these fields', scrub_rules: 'Patterns of its own',
  } satisfies Record<Key, string>,
  helps: {
    source_url: 'May hold {commit}, {path}, {line}, {release}', source_root: '/srv/app/', issue_url: 'May hold {title}, {body}, {short}, {link}, {level}, {culprit}', facets: 'One line each, such as extra.file or contexts.job.name',
    retention_days: 'Blank: as the configuration says. Fewer take effect at once, for good.', max_events_per_5m: 'Blank: as the configuration says. 0: no limit.', max_transactions_per_5m: 'Blank: as the configuration says. 0: no limit. Events go on.', max_sessions_per_5m: 'Blank: as the configuration says. 0: no limit. Events go on.', spike_factor: 'Blank: 10. 0: nothing is a spike.',
    tee: 'What its programs send goes there too, as it came. Blank: not.', scrub_fields: 'One line each, by the name of the field', safe_fields: 'One line each',
  },
  kept: (events: number, size: string, oldest: string | null) => (events === 0 ? 'Nothing is kept of it now.' : `Kept now: ${plural(events, 'event')}, ${size}${oldest ? `, the oldest of ${oldest}` : ''}.`),
  passed: (sent: number, waiting: number, refused: number, dropped: number) => [`${grouped(sent)} sent since the start`, waiting && `${grouped(waiting)} wait`, refused && `${grouped(refused)} refused there`, dropped && `${grouped(dropped)} dropped`].filter(Boolean).join(', '),
  passFailed: (why: string) => `The last one was not taken: ${why}`,
  teeLimited: 'It is set by editors who see everything: this server asks that address.',
  ownersHelp: 'Whose an error is that is new: the first rule of which all conditions hold.', rulesHelp: 'What comes from now on. * stands for anything, ? for one character.',
  rule: (number: number) => `Rule ${number}`, addRule: 'Add a rule', addOwner: 'Add an owner', removeRule: (number: number) => `Take out rule ${number}`, addCondition: 'And…', removeCondition: (number: number) => `Take out condition ${number}`,
  field: 'Field', is: 'is', isNot: 'is not', turned: 'Is, or is not', pattern: 'Pattern', patternHint: 'jobs.upload*', fieldHint: 'module, tags.region', owner: 'is of', ownerHint: 'a person or a team', then: 'Then',
  does: { group: 'put into one group', own: 'the frame is own code', foreign: 'the frame is not own code' } satisfies Record<Does, string>, fingerprint: 'Grouped by, one line each', fingerprintHint: 'timeouts',
  not: 'not', doesSaid: (does: Does, fingerprint: string) => ({ group: `grouped by ${fingerprint}`, own: 'own code', foreign: 'not own code' })[does], ownerSaid: (owner: string) => `is of ${owner}`,
  scrubName: 'Name', scrubPattern: 'Regular expression', addScrub: 'Add a pattern', removeScrub: (number: number) => `Take out pattern ${number}`,
  on: 'yes', off: 'no',
  try: 'Try on events that are kept', trying: 'It is tried…', tryFailed: 'It could not be tried', triedNone: 'No event of it is kept to try it on.',
  tried: (events: number, groups: number, moved: number) => `Of ${plural(events, 'event')} in ${plural(groups, 'group')} ${moved === 0 ? 'none would be in another group' : `${grouped(moved)} would be in another group`}.`,
  toNew: 'a new one', moves: (from: string, to: string, count: number) => `${from} → ${to}, ${plural(count, 'event')}`, ownerMoves: 'Whose they would be, were they new', ownerMove: (group: string, owner: string, now: string | null) => `${group} of ${owner}${now ? `, now of ${now}` : ''}`, more: (count: number) => `${grouped(count)} more`,
  key: {
    on: 'on', off: 'off', switchOn: 'Switch on', switchOff: 'Switch off', of: (label: string) => `the key ${label}`, limit: 'At most in five minutes', limitHelp: 'Blank: what the project may.', setLimit: 'Set', limitOf: (most: number) => `${grouped(most)} events in five minutes at most`, noLimit: 'what the project may',
    add: 'Make a key', label: 'What it is for', labelHint: 'pages', made: 'The key is made', switchedOn: 'The key is switched on', switchedOff: 'The key is switched off: its clients are told so', limited: 'The limit is set', failed: 'It was not done', sure: 'Programs with it are refused from then on.', meant: 'Switch it off', keep: 'Leave it on',
  },
}
