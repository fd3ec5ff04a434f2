/** What the forms for schedules, policies and teams say. */
export const words = {
  schedules: 'Schedules', schedulesFailed: 'The schedules could not be loaded', export: 'What was made here, as a file', exportHelp: 'Schedules, policies and teams, for conf.d',
  newSchedule: 'New schedule', newPolicy: 'New policy', newTeam: 'New team',
  change: 'Change', changeOf: (name: string) => `Change ${name}`, inFile: (origin: string) => `stands in ${origin}, and is changed there`, madeBy: (name: string) => `made by ${name}`,
  layers: (count: number, people: string, planned: string) => `${count} ${count === 1 ? 'layer' : 'layers'}: ${people}${planned && `; ${planned} from a calendar`}`,
  removed: (name: string) => `${name} is taken out`, saved: (name: string) => `${name} is saved`, refused: 'It was not saved', notRemoved: 'It was not taken out',
  save: 'Save', saving: 'Saving…', name: 'Name',
  zone: 'Time zone', zoneHint: 'Europe/Berlin; blank: the server’s', mayBeEmpty: 'It is meant so that at times nobody is on call',
  layer: (number: number) => `Layer ${number}`, layerHelp: 'The topmost with somebody in it says who is on call.', addLayer: 'Another layer below', removeLayer: (number: number) => `Take out layer ${number}`,
  layerName: 'What it is called', people: 'Who, in the order of their turns', peopleHint: 'ana, ben', rotation: 'A turn lasts', rotationHint: 'daily, weekly, 8h, 2 weeks', start: 'The first turn begins', startHint: '2026-01-05', handoff: 'Turns change at', handoffHint: '09:00, or monday 09:00',
  restrictions: 'Only in these hours, one line each', restrictionsHint: 'monday-friday 09:00-17:00', advance: 'Turns are counted by', advances: { calendar: 'the calendar', worked: 'turns in which somebody works' }, layerZone: 'Its own time zone', end: 'Ends', more: 'More',
  preview: 'Who would be on call', previewAsking: 'It is worked out…', previewWaits: 'It is shown as soon as nothing is wrong above.', previewOf: (name: string) => name || 'this schedule', previewFailed: 'It could not be worked out',
  step: (number: number) => `Step ${number}`, addStep: 'Another step', removeStep: (number: number) => `Take out step ${number}`,
  notify: 'Whom', notifyHint: 'schedule:web, ana, team:web, channel:chat', wait: 'Then wait', turns: 'One of them, another for each incident', ifTime: 'Only in the time period', onlyIf: 'Only if', onlyIfHint: '> 5 in 10m', repeat: 'How often all of it again', timeout: 'Acknowledged and still bad: begins again after', timeoutHint: 'blank: never',
  wrongLength: 'Write a length such as 5min.', wrongCount: 'Write a number.',
  members: 'Members', membersHint: 'ana, ben', prefixes: 'Sees only names that begin with', prefixesHint: '* for everything', projects: 'Projects', policy: 'Escalation policy', policyHint: 'of what is the team’s and names none',
}
