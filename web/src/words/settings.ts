/** What the settings say. */
import type { Role } from '../api/types.ts'

export const words = {
  title: 'Settings',
  help: 'You, people, teams and tokens. Everything else stands in the configuration file, which says what each key does: bellwether config show --defaults.',
  loopback: 'This server asks nobody to sign in: it answers on this machine only. People and tokens made here count as soon as [auth] mode is "required".',
  people: 'People', peopleFailed: 'The people could not be loaded', nobody: 'Nobody may sign in yet.',
  columns: { name: 'Name', role: 'Role', teams: 'Teams', zone: 'Time zone', since: 'Since', members: 'Members', prefixes: 'Sees', origin: 'Made in', used: 'Last used', owner: 'Owner', until: 'Ends' },
  roles: { viewer: 'Viewer', responder: 'Responder', editor: 'Editor', admin: 'Administrator' } satisfies Record<Role, string>,
  roleHelp: { viewer: 'reads', responder: 'acknowledges, notes, silences for a day', editor: 'changes what people see', admin: 'people, tokens, storage' } satisfies Record<Role, string>,
  roleOf: (name: string) => `Role of ${name}`,
  remove: 'Take out', removeOf: (name: string) => `Take out ${name}`, sure: 'Really', sureOf: (name: string) => `Really take out ${name}`, keep: 'Keep',
  removed: 'Taken out', roleSet: 'The role is another now', refused: 'It was not changed',
  invite: 'Invite', inviteName: 'Name', inviteRole: 'Role', inviting: 'Inviting…',
  invited: (name: string, until: string) => `Send this link to ${name}. It is shown once, and good until ${until}.`,
  waiting: (name: string, by: string, until: string) => `${name}, invited by ${by}, until ${until}`,
  withdraw: 'Withdraw', withdrawOf: (name: string) => `Withdraw the invitation of ${name}`, withdrawn: 'Withdrawn', open: 'Invited, not here yet',
  teams: 'Teams', teamsFailed: 'The teams could not be loaded', noTeams: 'There is no team. A team owns prefixes of names: its people see those. It stands in the configuration as [[team]], or is made by PUT /api/v1/teams/NAME.',
  everything: 'everything', inFiles: 'file', here: 'API',
  tokens: 'Tokens', tokensFailed: 'The tokens could not be loaded', noTokens: 'There is no token. Programs send one as Authorization: Bearer TOKEN.',
  tokenName: 'What it is for', tokenPrefixes: 'Sees only names that begin with (blank: all)', makeToken: 'Make a token', making: 'Making…', never: 'never', tokenDays: 'Ends after how many days', noEnd: 'never', nobodys: 'nobody', over: (at: string) => `is over since ${at}`,
  tokenMade: 'Keep this now: it is not kept here and shown once.',
  copied: 'Copied', copy: 'Copy',
  audit: 'Who changed what', auditFailed: 'The audit log could not be loaded', auditCsv: 'Audit log as CSV', noAudit: 'Nothing was changed yet.', auditMore: 'Older entries are in the CSV.', beforeAfter: 'before and after', before: 'Before', after: 'After',
  adminsOnly: 'Only an administrator may see and change this.',
  contacts: 'Whom a server reaches that has no account, and by which senders, stands in the configuration: [[contact]], [[channel]].',
  invitation: {
    title: 'Welcome to Bellwether', why: 'You were invited. Choose a password: this link then is used up.', password: 'Password', again: 'Once more', differ: 'The two are not the same.', go: 'Choose it and sign in', going: 'Signing in…',
    gone: 'This invitation is used up, withdrawn or too old: ask for another.',
  },
}
