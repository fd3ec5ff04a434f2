/** What people can do with an incident, in words. */
import type { DeedForm } from '../pages/incidents/Deeds.svelte'

const times = (count: number) => (count === 1 ? 'once' : `${count} times`)

export const words = {
  title: 'What to do about it',
  take: 'I take it', takeHelp: (name: string) => `${name} has it. It is yours then.`,
  resolve: 'Close…', escalate: 'Escalate…', handover: 'Hand over…', silence: 'Silence…', severity: 'How bad…', reopen: 'Open again', merge: 'Merge…',
  means: {
    resolve: 'Those who were told of it are told that it is over. What is still bad stays quiet until it is over, or worse.',
    escalate: 'These are called now. Nobody named: those who come next, and have not heard of it.',
    handover: 'It is theirs then, and they are called whatever their hours are.',
    silence: 'Nobody is called for what is bad in it until then, for a day at most.',
    severity: 'How bad it is in your eyes, for the list and for calling people. It holds until something in it gets worse.',
    merge: 'Its members go into the other incident, and this one ends.',
    helped: 'Whoever is woken by the same the next time reads it.',
    declare: 'Something is wrong that no monitor sees. Those who are always told are called.',
  } satisfies Record<DeedForm | 'declare', string>,
  was: 'Was it worth being told of? One tap closes it.',
  useful: 'Close: it was useful', noise: 'Close: it was noise', late: 'Close: it came too late', plainly: 'Just close',
  helped: 'What helped (stays for the next time)', sayHelped: 'What helped…',
  to: 'Who', toHint: 'one, or several with commas; blank for the next', length: 'For', reason: 'Why', into: 'Number of the incident that stays', comment: 'Comment',
  severities: { critical: 'Critical', warning: 'Warning', unknown: 'Unknown' },
  go: { escalate: 'Call them', handover: 'Hand it over', silence: 'Silence it', severity: 'Say so', merge: 'Merge', helped: 'Keep it' } as Record<string, string>,
  sending: 'Sending…',
  lengthWrong: 'Write a length up to a day, such as 2h.',
  splitCount: (count: number) => `Split off ${count} as an incident of ${count === 1 ? 'its' : 'their'} own`, splitNone: 'None of them', splitRefused: { well: 'None of these is bad now: there is nothing to split off.', all: 'These are all that is bad in it: one has to stay.' }, splitMeans: 'They go into one incident, and leave this one.',
  splitOf: (name: string) => `Split off ${name}`,
  held: (contact: string, until: string, why: string) => `${contact} is told ${until}, if it is still bad: ${why}`,
  grouped: (count: number) => `${count} grouped, not paged`,
  becauseOf: (why: string) => `here because ${why}`,
  merged: 'Its members are in', also: 'Stands for', reopened: (count: number) => `opened again ${count === 1 ? 'once' : `${count} times`}`, declaredBy: (name: string) => `declared by ${name}`, severityBy: (name: string) => `how bad it is: ${name} said so`,
  beside: 'Also bad here', besideSince: (at: string) => `since ${at}`, allBeside: (count: number) => `all ${count}`,
  errorsThen: 'Errors of this time', errorWhy: { new: 'new', back: 'came back', spike: 'far more than before' }, errorCount: (count: string) => `${count} in this time`,
  errors: 'Errors', errorsRule: (name: string) => `by the rule ${name}`,
  proposal: {
    title: 'So that it is not told again', ask: 'What would have to change?', asking: 'The last 30 days are gone through…', failed: 'No change could be worked out', notTried: 'It was not tried on the past',
    changes: { for: (to: string) => `Only when it lasts ${to}`, critical: (to: string) => `Critical only at ${to}`, warning: (to: string) => `A warning only at ${to}`, thresholds: (to: string) => `Only at ${to}` } as Record<string, (to: string) => string>,
    before: (told: number, fired: number) => `As it is: told ${times(told)} in 30 days, bad ${times(fired)}.`,
    after: (told: number, fired: number) => `Told ${times(told)}, bad ${times(fired)}.`,
    keeps: (caught: number, useful: number) => (useful === 0 ? 'Nothing of this rule was judged useful yet, so nothing says that this goes too far.' : `Of the ${useful} that ${useful === 1 ? 'was' : 'were'} judged useful it still tells ${caught}.`),
    cut: 'There was no time to try all.', strips: { now: 'As it is', then: 'With the change' }, stripOf: (what: string, count: number) => `${what}: bad ${times(count)} in 30 days`,
    take: 'Take it', taking: 'Taking it…', taken: (name: string) => `${name} is changed`, refused: 'The rule was not changed', inFile: (origin: string) => `It stands in ${origin}, and is changed there:`, editor: 'Open the editor',
  },
  outside: 'Tell people outside', outsideHelp: 'Write on the status page what those who use it should know',
  declare: 'Declare an incident', declareTitle: 'What is wrong, in a few words', declareWhat: 'What you see', declareSeverity: 'How bad', declareGo: 'Declare it', declared: 'Declared',
}
