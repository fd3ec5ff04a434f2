/** What the pages of errors say. */
import type { ErrorLevel, ErrorSort, ErrorStatus } from '../api/errors.ts'
import type { Filter, Section, UntilKind } from '../pages/errors/model.ts'

const grouped = (count: number) => count.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f')
const plural = (count: number, one: string, many = one + 's') => `${grouped(count)} ${count === 1 ? one : many}`
const percent = (share: number) => `${share > 0 && share < 0.01 ? '< 1' : Math.round(share * 100)}\u202f%`

export const words = {
  tabs: { incoming: 'Incoming', feedback: 'Feedback', projects: 'Projects', releases: 'Releases' }, tabsLabel: 'Errors',
  failed: 'The errors could not be loaded', stale: 'The errors cannot be asked at the moment', still: 'What is shown is what was last known.',
  levels: { fatal: 'Fatal', error: 'Error', warning: 'Warning', info: 'Info', debug: 'Debug' } satisfies Record<ErrorLevel, string>,
  statuses: { unresolved: 'Open', resolved: 'Resolved', ignored: 'Ignored' } satisfies Record<ErrorStatus, string>,
  anyStatus: 'In any state',
  said: {
    none: 'No error is open.', noneSuch: 'No error is so.',
    fresh: (count: number, title: string) => (count === 1 ? `One error is new since the deploy: ${title}` : `${grouped(count)} errors are new since the deploy. Most people have: ${title}`),
    young: (count: number, title: string) => (count === 1 ? `One error is new: ${title}` : `${grouped(count)} errors are new. Most people have: ${title}`),
    back: (count: number, title: string) => (count === 1 ? `One error came back: ${title}` : `${grouped(count)} errors came back. Most people have: ${title}`),
    spike: (count: number, title: string) => (count === 1 ? `One error comes far more often than usual: ${title}` : `${grouped(count)} errors come far more often than usual. Most people have: ${title}`),
    calm: (count: number) => `Nothing is new: ${plural(count, 'error is', 'errors are')} open, and known.`,
  },
  counts: { fresh: (count: number) => `${grouped(count)} new since the deploy`, young: (count: number) => `${grouped(count)} new`, back: (count: number) => `${grouped(count)} came back`, spike: (count: number) => `${grouped(count)} more often than usual`, said: (count: number) => `${plural(count, 'word', 'words')} of users`, rest: (count: number) => `${grouped(count)} known` } satisfies Record<Section, (count: number) => string>,
  sections: { fresh: 'New since the deploy', young: 'New within two hours', back: 'Came back', spike: 'More often than usual', said: 'What users say', rest: 'Known' } satisfies Record<Section, string>,
  notes: { fresh: 'new', young: 'new', back: 'came back', spike: 'more than usual', said: 'user' } satisfies Record<Exclude<Section, 'rest'>, string>,
  freshOf: (release: string) => `New since ${release}`,
  columns: { title: 'Error', hours: '24 hours', count: 'Events', users: 'Users', first: 'First', last: 'Last', release: 'Release', owner: 'Owner' },
  eventsOf: (count: number) => (count === 1 ? 'event' : 'events'), usersOf: (count: number) => (count === 1 ? 'user' : 'users'),
  arrived: 'just now', cameIn: (titles: string[]) => (titles.length === 1 ? `New: ${titles[0]}` : `${grouped(titles.length)} new errors`),
  unhandled: 'not caught', noOwner: 'nobody', hoursOf: (now: number, most: number) => `${plural(now, 'event')} in the last hour, ${grouped(most)} in the worst of 24`,
  pick: (title: string) => `Choose ${title}`, pickAll: 'Choose all', picked: (count: number) => `${grouped(count)} chosen`, unpick: 'Choose none',
  paused: 'Paused: what comes is counted only.',
  waiting: (count: number) => `${plural(count, 'new one', 'new ones')}: show`,
  filters: { project: 'Project', status: 'State', level: 'Level', release: 'Release', environment: 'Environment', assigned: 'Owner' } satisfies Record<Filter, string>,
  anyOf: { project: 'All projects', status: 'Open', level: 'All levels', release: 'All releases', environment: 'All environments', assigned: 'All owners' } satisfies Record<Filter, string>,
  find: 'Find in title or place', sort: 'Order', sorts: { last: 'New first', first: 'First seen', count: 'Most events', users: 'Most users' } satisfies Record<ErrorSort, string>,
  most: (count: number) => `The first ${grouped(count)} are shown. Filters find the others.`,
  keys: { pick: 'choose or not', resolve: 'resolve', ignore: 'ignore', assign: 'assign', comment: 'comment', raw: 'stack as text', newer: 'newer event', older: 'older event' },

  empty: {
    none: 'No error has come yet.', text: 'Any client of Sentry’s sends here unchanged: give it the DSN of a project.',
    project: 'Make a project', toProjects: 'To the projects',
  },

  doing: {
    title: 'What to do about it', resolve: 'Resolve', resolveMore: 'Resolve in…', resolveNext: 'in the next release', resolveIn: 'in release', reopen: 'Open again', ignore: 'Ignore…', ignoreAll: 'Ignore', assign: 'Assign…', markdown: 'Copy as Markdown', link: 'Copy short link', issue: 'New issue', issueHelp: 'The form of the tracker, filled in.', merge: 'Merge…',
    mine: 'I take it', nobody: 'Nobody', to: 'To whom', failed: 'It was not done', failedSome: (count: number) => `${plural(count, 'error')} of those chosen ${count === 1 ? 'is' : 'are'} as before`,
    means: {
      resolve: 'It is mended in what runs now. Events of older releases do not open it again; of this one and later ones they do.',
      next: 'It is mended in what comes after the newest release. Only a later one opens it again.',
      ignore: 'It is counted, and nobody is told of it, until then.', assign: 'Whose it is from now on.',
      merge: 'Its events are those of the other error from now on, past ones too.',
    },
    done: { resolved: 'Resolved', ignored: 'Ignored', unresolved: 'Open again', assigned: (name: string) => `It is ${name}’s now`, unassigned: 'It is nobody’s now', merged: 'Merged', split: 'Split off' },
    doneMany: { resolved: (count: number) => `${grouped(count)} resolved`, ignored: (count: number) => `${grouped(count)} ignored` },
    until: 'Until', untils: { forever: 'somebody opens it again', time: 'so long from now', events: 'so many more events', users: 'so many people have it', release: 'this release or a later one' } satisfies Record<UntilKind, string>,
    untilHints: { forever: '', time: '7d', events: '100, or 100 in 1h', users: '10', release: 'web@1.5.0' } satisfies Record<UntilKind, string>,
    untilWrong: { forever: '', time: 'Write a length of time, such as 7d.', events: 'Write a number, such as 100, or 100 in 1h.', users: 'Write a number of people.', release: 'Name a release.' } satisfies Record<UntilKind, string>,
    into: 'The error that stays, such as WEB-12', noSuch: 'There is no other error of this name in the project.', release: 'Release', go: 'Do it', sending: 'Sending…',
  },

  one: {
    failed: 'The error could not be loaded', stale: 'The error cannot be asked at the moment', asking: 'The error is looked up…', gone: (id: string) => `There is no error ${id}.`,
    fresh: (release: string | null) => (release ? `new in ${release}` : 'new since the deploy'), back: 'came back', spike: 'more often than usual',
    events: (count: number) => plural(count, 'event'), users: (count: number) => plural(count, 'user'), first: 'first', last: 'last', inRelease: 'first in', has: (name: string) => `${name} has it`, nobody: 'nobody has it',
    incident: 'part of incident',
    byRelease: 'By release', byReleaseHelp: 'Which releases its events are of', overTime: 'The last 24 hours', now: 'now',
  },

  event: {
    title: 'Event', newer: 'Newer', older: 'Older', failed: 'Its events could not be loaded', none: 'No event of it is kept any more; what is counted stays.', at: (time: string) => `of ${time}`,
    of: (place: number, more: boolean) => (place === 0 ? 'The newest event' : `Event ${place + 1} from the newest${more ? '' : ', the oldest that is kept'}`),
    stack: 'Stack', raw: 'As text', rawHelp: 'Key w', crashLast: 'Crash last', wrap: 'Wrap lines', copyStack: 'Copy stack', noStack: 'It came without a stack.',
    rawOf: 'Stack as text', fold: (count: number) => `${plural(count, 'frame')} of libraries`, caused: 'Caused by', notCaught: 'not caught', caught: 'caught', by: (mechanism: string) => `through ${mechanism}`,
    source: 'Source', atSource: 'This line in the repository', locals: 'Locals', noLocals: 'No source and no locals came with this frame.', unnamed: '(no name)',
    scrubbed: (rule: string) => `taken out by the rule “${rule}”`,
    crumbs: 'Breadcrumbs', crumbsHelp: 'What came before it, the last first', moreCrumbs: (count: number) => `${grouped(count)} earlier`,
    request: 'Request', user: 'User', contexts: 'About', extra: 'Extra', json: 'The whole event', jsonOpen: 'Show as JSON',
    message: 'Message',
  },

  tags: { title: 'Tags', help: 'Share of its events, and of all events of the project', share: percent, normally: (share: number) => `normally ${percent(share)}`, more: (count: number) => `${grouped(count)} more`, none: 'Its events have no tags.', others: (key: string, value: string) => `All errors of the project with ${key} ${value}`, filter: (tag: string) => `With ${tag.replace(':', ' ')}`, drop: (tag: string) => `Of whatever ${tag.split(':')[0]}` },
  facets: { title: 'By any field', help: 'Tags are counted of all events, other fields of those that are kept.', choose: 'Field', none: '–', failed: 'They could not be counted', looked: (events: number, without: number) => `Of ${plural(events, 'kept event')}${without ? `, ${grouped(without)} without it` : ''}.`, values: (count: number) => plural(count, 'value'), other: 'others', newest: 'newest' },
  feedback: {
    title: 'What the user said', anonymous: 'Somebody', attachments: 'Attachments', on: (url: string) => `on ${url}`, failed: 'What users said could not be loaded',
    none: 'No user has said anything yet.', noneText: 'Words come with Sentry’s feedback widget, its dialog after a crash, or an item user_report, unchanged.',
    latest: (who: string, age: string) => `${who} said something ${age} ago.`, somebody: 'A user', of: (title: string) => `of ${title}`, alone: 'of no error', gone: 'of an event that is not kept', open: 'Open', all: 'Said by users', more: (count: number) => `The newest ${grouped(count)} are shown.`,
  },
  why: { title: 'Why grouped like this', help: 'What counts is what the hash is made of. What does not count is greyed, with the reason.', hash: (hash: string, count: number) => `${hash.slice(0, 8)}, ${plural(count, 'event')}`, split: 'Split off', splitHelp: 'What is found by this hash is another error from now on. Its kept events go along, with what was counted of them.', version: (version: number) => `grouping ${version}`, none: 'Nothing is known of it.' },
  similar: { title: 'Similar', help: 'Others of the project that are found by much the same', alike: (share: number) => `${percent(share)} alike`, merge: 'Merge into this' },
  unparted: (other: string, isHere: boolean, events: number, users: number) => {
    const counted = `${plural(events, 'event')} of ${isHere ? other : 'this error'} that ${events === 1 ? 'is' : 'are'} no longer kept ${events === 1 ? 'is' : 'are'} counted ${isHere ? 'here' : `with ${other}`} in tags, users and counts over time.`
    const had = `Up to ${plural(users, 'user')} may have had only ${other}.`
    return [events > 0 ? counted : '', users > 0 ? had : ''].filter(Boolean).join(' ')
  },
  activity: { title: 'What was done', itself: 'by itself', kinds: { resolved: 'resolved', ignored: 'ignored', reopened: 'opened again', assigned: 'assigned to', unassigned: 'assigned to nobody', merged: 'merged in', split: 'split', regressed: 'came back', unignored: 'ignored no more:', opened: 'first seen', moved: 'known from before:' } as Record<string, string> },
  host: { title: (name: string) => `${name} in that second`, help: 'The host that it came from, a quarter of an hour around the event.', none: 'No series of this host has arrived.', mark: 'this event', graphs: { cpu: 'Processor', memory: 'Memory', load: 'Load', disk: 'Disk traffic' } },

  projects: {
    title: 'Projects', failed: 'The projects could not be loaded', none: 'There is no project yet.', make: 'Make a project', name: 'Name', nameHelp: 'Letters, digits, - and _; it stands before the numbers of its errors: WEB-1.', making: 'Being made…', made: (name: string) => `${name} is made`, refused: 'It was not made', limited: 'Projects are made by editors who see everything: you see the part of your teams.',
    said: (count: number) => (count === 0 ? 'No project sends errors yet.' : `${plural(count, 'project')} can send errors.`), dsn: 'DSN', off: 'switched off', noKey: 'Every key of it is switched off.',
    errors: 'Its errors', releases: 'Its releases', settings: 'Settings', setUp: 'How to send', platform: 'Platform', heard: 'last heard', received: 'Received: the first event is here.', receives: 'Receives', quiet: 'Nothing for a day', waiting: 'Waits for the first event…', install: 'Install', code: 'Code', id: (id: number) => `project ${id}`,
  },
  releases: {
    title: 'Releases', failed: 'The releases could not be loaded', none: 'No release is known yet. A client says its release, or sentry-cli does at a deploy.', said: (version: string, age: string) => `The newest release is ${version}, first seen ${age} ago.`, columns: { version: 'Release', first: 'First seen', count: 'Events, 24 h', share: 'Share', fresh: 'New errors', deploys: 'Deployed', crashFree: 'Crash-free', adoption: 'Runs' }, choose: 'Project',
    deployed: (deploys: number, commits: number) => [deploys && plural(deploys, 'time'), commits && plural(commits, 'commit')].filter(Boolean).join(', ') || '–', crashFree: (share: number) => `${Math.floor(share * 1000) / 10}\u202f%`,
    crashFreeHelp: 'Sessions of the last 14 days that did not crash', adoptionHelp: 'Its part of all sessions of the last 14 days',
    noProject: 'There is no project yet.', graphs: { events: 'Events', users: 'Users with errors', fresh: 'New errors', crashFree: 'Crash-free sessions' }, overTime: 'Over time',
  },
}
