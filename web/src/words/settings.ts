/** What the settings say. */
import type { ComesBy } from '../api/accounts.ts'
import type { Role } from '../api/types.ts'
import { words as me } from './me.ts'

export const words = {
  title: 'Settings',
  help: 'You, people, teams and tokens. Everything else stands in the configuration file, which says what each key does: bellwether config show --defaults.',
  loopback: 'This server asks nobody to sign in: it answers on this machine only. People and tokens made here count as soon as [auth] mode is "required".',
  people: 'People', peopleFailed: 'The people could not be loaded', nobody: 'Nobody may sign in yet.',
  columns: { name: 'Name', role: 'Role', teams: 'Teams', zone: 'Time zone', since: 'Since', members: 'Members', prefixes: 'Sees', origin: 'Made in', used: 'Last used', owner: 'Owner', until: 'Ends' },
  roles: { viewer: 'Viewer', responder: 'Responder', editor: 'Editor', admin: 'Administrator' } satisfies Record<Role, string>,
  roleHelp: { viewer: 'reads', responder: 'acknowledges, notes, silences for a day', editor: 'changes what people see', admin: 'people, tokens, storage' } satisfies Record<Role, string>,
  roleOf: (name: string) => `Role of ${name}`,
  remove: 'Take out', removeOf: (name: string) => `Take out ${name}`, sure: 'Really', sureOf: (name: string) => `Really take out ${name}`, keep: 'Keep', anyway: 'Take out all the same', anywayOf: (name: string) => `Take out all the same: ${name}`,
  removed: 'Taken out', roleSet: 'The role is another now', refused: 'It was not changed',
  by: { provider: 'the sign-in provider', proxy: 'the proxy', another: 'a provider that is asked no more' } satisfies Record<ComesBy['by'], string>,
  comesBy: (by: string, seen: string | null) => `Comes by the word of ${by}${seen === null ? '' : `, last ${seen}`}.`,
  mayCome: (by: string, until: string) => `Whoever comes under this name by the word of ${by} until ${until} is this person.`,
  meant: (uses: string[]) => `This name means somebody already: ${uses.join(', ')}. Is it they?`,
  link: 'Link', linkOf: (name: string) => `Link ${name}: it is they`, linked: 'Linked', unlink: 'Unlink', unlinkOf: (name: string, by: string) => `Unlink ${name} from ${by}`, unlinked: 'Unlinked: nobody comes as them so any more',
  stays: (tokens: string[], ways: number) => {
    const named = tokens.length ? [`${tokens.length === 1 ? '1 token' : `${tokens.length} tokens`} (${tokens.join(', ')})`] : []
    const reached = ways ? [ways === 1 ? '1 way to be reached' : `${ways} ways to be reached`] : []
    return `Whoever came so may have made what stays: ${[...named, ...reached].join(' and ')}.`
  },
  whatStays: (name: string) => `what stays of ${name}`,
  suspended: (since: string) => `Suspended since ${since}: has not signed in with the provider for long, so that their tokens rest until they do, and they are told only of what names them.`,
  unsuspend: 'Take it back', unsuspendOf: (name: string) => `Take it back: the suspension of ${name}`, unsuspended: 'Suspended no more',
  invite: 'Invite', inviteName: 'Name', inviteRole: 'Role', inviting: 'Inviting…',
  invited: (name: string, until: string) => `Send this link to ${name}. It is shown once, and good until ${until}.`,
  waiting: (name: string, by: string, until: string) => `${name}, invited by ${by}, until ${until}`,
  withdraw: 'Withdraw', withdrawOf: (name: string) => `Withdraw the invitation of ${name}`, withdrawn: 'Withdrawn', open: 'Invited, not here yet',
  teams: 'Teams', teamsFailed: 'The teams could not be loaded', noTeams: 'There is no team. A team owns prefixes of names: its people see those. It is made here by an administrator, or stands in the configuration as [[team]].',
  byGroups: (names: string[]) => `by their groups: ${names.join(', ')}`,
  everything: 'everything', inFiles: 'file, and changed there', here: 'here',
  tokens: 'Tokens', tokensFailed: 'The tokens could not be loaded', noTokens: 'There is no token. Programs send one as Authorization: Bearer TOKEN.',
  tokenName: 'What it is for', tokenPrefixes: 'Sees only names that begin with (blank: all)', makeToken: 'Make a token', making: 'Making…', never: 'never', tokenDays: 'Ends after how many days', noEnd: 'never', nobodys: 'nobody', over: (at: string) => `is over since ${at}`,
  tokenMade: 'Keep this now: it is not kept here and shown once.',
  copied: 'Copied', copy: 'Copy',
  audit: 'Who changed what', auditFailed: 'The audit log could not be loaded', auditCsv: 'Audit log as CSV', noAudit: 'Nothing was changed yet.', auditMore: 'Older entries are in the CSV.', beforeAfter: 'before and after', before: 'Before', after: 'After',
  adminsOnly: 'Only an administrator may see and change this.',
  channels: {
    title: 'Channels', failed: 'The channels could not be loaded', refused: 'No test was sent',
    help: 'By what people are reached. They stand in the configuration, as [[channel]]; secrets are not shown.',
    columns: { name: 'Channel', success: 'Last taken', trouble: 'Last trouble', test: 'Does it arrive?' },
    kinds: { ...me.kinds, webhook: 'Webhook', pagerduty: 'PagerDuty', opsgenie: 'Opsgenie', command: 'Command' } as Record<string, string>,
    builtIn: 'there without being defined', waiting: (count: number) => (count === 1 ? '1 page waits' : `${count} pages wait`),
    noTrouble: 'none', gaveUp: 'Something was given up', failing: (tries: number) => (tries === 1 ? 'The last try failed' : `The last ${tries} tries failed`), off: 'Its receiver wants no more',
    test: 'Send a test', testTo: (name: string) => `Send a test to ${name}`, testOf: (channel: string, name: string) => `Send a test to ${name} by ${channel}`, whom: (channel: string) => `Who gets a test by ${channel}`,
    sent: (name: string) => `A test is on its way to ${name}.`, nobody: 'Nobody is reached by it.',
  },
  contacts: 'Whom a server reaches that has no account, and by which senders, stands in the configuration: [[contact]], [[channel]].',
  invitation: {
    title: 'Welcome to Bellwether', why: 'You were invited. Choose a password: this link then is used up.', password: 'Password', again: 'Once more', differ: 'The two are not the same.', go: 'Choose it and sign in', going: 'Signing in…',
    gone: 'This invitation is used up, withdrawn or too old: ask for another.',
  },
}
