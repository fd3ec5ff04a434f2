/** The last times, playbooks, post-mortems: in words. */
import type { EarlierTime } from '../api/types.ts'

const plural = (count: number, one: string, many = `${one}s`) => `${count} ${count === 1 ? one : many}`

export const words = {
  earlier: {
    title: 'The last times', failed: 'The last times could not be looked up',
    first: 'This is the first time, as far as the record goes.',
    lasted: (length: string) => `lasted ${length}`, by: (name: string) => `${name} had it`, healed: 'ended by itself',
    shapeOf: (id: number) => `What #${id} looked like`,
    helped: 'What helped:', nobodySaid: 'Nobody wrote down what helped.',
    same: { reason: '', members: 'some of the same was bad in it' } satisfies Record<EarlierTime['same'], string>,
    judged: { useful: 'judged useful', 'too late': 'judged too late', 'not useful': 'judged noise' } satisfies Record<NonNullable<EarlierTime['judged']>, string>,
    postMortem: 'post-mortem', openFollowUps: (count: number) => `${plural(count, 'follow-up')} still open`,
  },
  playbook: {
    title: 'What to do', failed: 'The playbook could not be loaded', version: (version: number) => `version ${version}`,
    edit: 'Edit here', text: 'Playbook, in Markdown', help: 'Task lists (- [ ] look at the status page) and numbered lists become steps that can be ticked. It is the whole playbook; the section that fits is shown.',
    save: 'Save', saving: 'Saving…', saved: 'Saved', refused: 'It was not saved', reload: 'Load the newer one (yours is dropped)',
    tick: (text: string) => `Done: ${text}`, ticked: (by: string, at: string) => `${by}, ${at}`, notTicked: 'The step was not ticked', elsewhere: 'It is written elsewhere:',
    none: 'Nothing is written of what to do yet.', write: (name: string) => `Write the playbook ${name}`, template: (name: string) => `# ${name}\n\n- [ ] \n`,
    done: (done: number, all: number) => `${done} of ${all} steps done`,
  },
  tabs: { label: 'Parts of this incident', incident: 'What happens', postMortem: 'Post-mortem' },
  postMortem: {
    failed: 'The post-mortem could not be loaded', asking: 'Asking…',
    none: 'Nothing was written down about it yet.',
    help: 'Three questions, no culprit. How it went is filled in from the record, with parts in the place of names; all of it can be changed.',
    begin: 'Begin the post-mortem', beginning: 'Beginning…', notBegun: 'The post-mortem was not begun', notSaved: 'What you wrote was not saved', notAdded: 'The follow-up was not added', notChanged: 'The follow-up was not changed', notCaught: 'It does not count as done: no monitor was shown to catch the outage', notRemoved: 'The follow-up was not taken out', notPreviewed: 'The page for others could not be made', notPublished: 'It was not published', notWithdrawn: 'It was not withdrawn',
    titleOf: 'Title', regret: 'Regret', reason: 'Reason', remedy: 'Remedy',
    hints: {
      regret: 'What it was like for those who rely on us, and that we are sorry.',
      reason: 'What brought it about: conditions, and decisions as they looked then.',
      remedy: 'What was done, and what will be, so that it does not come again.',
    },
    wording: (found: string, instead: string) => `“${found}”: ${instead}.`,
    impact: 'What it came to',
    facts: {
      lasted: 'lasted', noticed: 'until noticed', taken: 'until somebody had it', instances: 'in trouble', services: 'services', pages: 'pages', people: 'people paged',
    },
    nobodyTook: 'nobody took it', noServices: 'none', forgotten: 'The record of it is not kept any more.',
    timeline: 'How it went', when: 'When', role: 'Part', said: 'What happened', shown: 'Shown', hidden: 'Hidden', hide: 'Hide', show: 'Show',
    lineOf: (number: number) => `Line ${number}`, remove: 'Take out', removeOf: (number: number) => `Take out line ${number}`, add: 'Add a line', badTime: 'Write a time such as 2026-11-22 14:02:07.', hiddenCount: (count: number) => `${plural(count, 'line')} hidden: readers never see them.`, showHidden: 'Show the hidden lines', hideHidden: 'Show them no longer',
    save: 'Save', saving: 'Saving…', saved: 'Saved', unsaved: 'Not saved yet. This tab keeps it over a reload.', recalled: 'What you wrote before the reload is here again, and not saved yet.', allSaved: (by: string, at: string) => `Saved, last changed ${at}; begun by ${by}.`,
    newer: 'Somebody changed it meanwhile.', keepMine: 'Keep mine', takeTheirs: 'Take theirs',
    followUps: 'Follow-ups', noFollowUps: 'Nothing is to be done yet.', what: 'What is to be done', owner: 'Who', due: 'Until', kind: 'Kind', kinds: { task: 'Task', new_monitor: 'New monitor' },
    addFollowUp: 'Add it', adding: 'Adding…', done: (by: string, at: string) => `done by ${by}, ${at}`, markDone: 'Done', reopen: 'Not done', dueBy: (owner: string, due: string) => `${owner}, until ${due}`, late: 'late',
    removeFollowUp: (what: string) => `Take out: ${what}`,
    monitorHelp: 'Done when a monitor catches this outage: it is tried on it, and must fire before its end.',
    untriedHelp: 'A check, a heartbeat or a rule on errors cannot be tried on the past, so nothing proves that it would have told: whoever made it says so.', untried: 'Done, untried',
    writeMonitor: 'Write it, with the outage in replay', monitorName: 'Name of the monitor', tryIt: 'Try it on the outage', trying: 'Trying…', proof: (monitor: string, at: string) => `${monitor} would have fired ${at}.`,
    publish: 'For others to read', publishHelp: 'As a page without names and internals, with an address that nobody finds by chance. Look at it first: nothing is published that nobody has looked at.',
    preview: 'Preview', previewing: 'Making it…', removed: 'Taken out of it:', nothingRemoved: 'Nothing had to be taken out of it.', mayStay: 'may stay', mayStayOf: (name: string) => `${name} may stay`, redact: 'Take out this, too', redactGo: 'Take it out', redacted: 'Taken out besides:', putBack: (word: string) => `Put back ${word}`,
    maskedTitle: (title: string) => `Others would read the title “${title}”. Say in other words what they saw:`, maskedHint: 'Uploads failed for an hour', retitle: 'Take this title', titleFirst: 'It needs a title that others understand.', go: 'Publish it', again: 'Publish it anew', publishing: 'Publishing…', published: (by: string, at: string) => `Published by ${by}, ${at}.`, older: 'What is written here has changed since.', read: 'Read it', withdraw: 'Withdraw it', sure: 'Really withdraw it', withdrawn: 'Withdrawn: its address is never good again', saveFirst: 'Save what you have changed first.', editors: 'Publishing takes an editor.', seen: 'What others will read',
    others: 'Earlier ones of the same',
  },
}
