/** What the page of changes says. */
const plural = (count: number, one: string) => `${count} ${count === 1 ? one : `${one}s`}`

export const words = {
  failed: 'What was changed could not be loaded',
  stale: 'What was changed cannot be asked at the moment',
  said: (count: number, length: string) => (count === 0 ? `Nothing was changed in ${length}.` : `${plural(count, 'change')} in ${length}.`),
  latest: (what: string, at: string) => `The last: ${what}, ${at}.`,
  window: 'Window', windows: { '-24h': '24 hours', '-7d': '7 days', '-30d': '30 days', '-90d': '90 days' } as Record<string, string>,
  service: 'Service', everyService: 'All services',
  difference: 'What changed', differenceOf: (what: string) => `What changed: ${what}`, absent: 'not there', commit: (name: string) => `commit ${name}`,
  filter: 'Only what says', filterHint: 'web, 1.4, flip…',
  kinds: { all: 'All', deploy: 'Deploys', flip: 'Switches', settings: 'Settings', incident: 'Incidents', other: 'Notes and others' },
  kind: { deploy: 'deploy', flip: 'switch', settings: 'setting', incident: 'incident', other: 'note' } as Record<string, string>,
  opened: (title: string) => `${title} began`,
  ended: (title: string) => `${title} was over`,
  look: 'before and after',
  lookHelp: 'Home in the half hour before and after it',
  empty: 'Deploys, switches and notes stand here beside incidents. A deploy posts one: bellwether event "deployed 4.2" --tag deploy, or a POST to /events/. They are on every graph too.',
  snippetTitle: 'From a deploy script',
  snippet: 'curl -X POST http://localhost:8080/events/ -d \'{"what": "web@1.4.3 deployed", "tags": "deploy web"}\'',
  none: 'Nothing in this window says so.',
  post: 'Post a note', noteWhat: 'What was changed', noteTags: 'Tags', go: 'Post it', posting: 'Posting…', posted: 'Posted', refused: 'It was not posted',
  more: (count: number) => `${count} more are not shown: choose a shorter window.`,
  keys: { note: 'post a note' },
}
