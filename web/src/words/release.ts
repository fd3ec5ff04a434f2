/** What the page of one release says. */
const grouped = (count: number) => count.toString().replace(/\B(?=(\d{3})+$)/g, '\u202f')
const plural = (count: number, one: string, many = one + 's') => `${grouped(count)} ${count === 1 ? one : many}`
const percent = (share: number) => `${Math.floor(share * 1000) / 10}\u202f%`

export const words = {
  failed: 'The release could not be loaded', gone: (version: string) => `Nothing has been seen of ${version}.`,
  said: (version: string, fresh: number, back: number) => `${version} brought ${fresh === 0 ? 'no new error' : plural(fresh, 'new error')}${back === 0 ? '' : back === 1 ? '; one came back in it' : `; ${grouped(back)} came back in it`}.`,
  first: (at: string, age: string) => `first seen ${at}, ${age} ago`, released: (at: string) => `out since ${at}`, runsIn: (places: string) => `deployed to ${places}`, events: (count: number) => `${plural(count, 'event')} in 14 days`,
  crashFreeShare: (share: number, sessions: number) => `${percent(share)} of ${plural(sessions, 'session')} without a crash`, adoption: (share: number) => `${percent(share)} of all sessions`,
  link: 'Look there', all: 'All errors seen in it', overTime: 'Its events in the last 24 hours',
  fresh: 'Began in it', noFresh: 'No error was seen in it before any other release.', back: 'Came back in it', backHelp: 'Resolved before, and seen again since it is there',
  goneHelp: 'It is known as soon as an event or a session of it has come, or sentry-cli has told of it.',
  crashFree: 'Crash-free', graphs: 'How its sessions end', crashFreeHelp: 'Share of its sessions that did not crash, of ten minutes each', sessions: 'Sessions', sessionsHelp: 'Its sessions in ten minutes',
  deploys: 'Deploys', took: (long: string) => `in ${long}`, commits: (count: string, one: boolean) => `${count} ${one ? 'commit' : 'commits'}`, moreCommits: (count: number) => `${grouped(count)} more`,
  noDeploy: 'Nobody has said where it went and with which commits: sentry-cli does, with releases set-commits and deploys new.',
}
