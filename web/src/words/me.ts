/** What the part of the settings about oneself says. */
export const words = {
  title: 'You', loading: 'Asking who you are…', failed: 'What is known of you could not be loaded',
  displayName: 'Shown as', zone: 'Time zone', zoneHelp: 'such as Europe/Berlin; blank: the server’s', save: 'Save', saved: 'Saved', refused: 'It was not changed',
  password: 'Password', current: 'Current password', new: 'New password', change: 'Change it', changed: 'Changed. Everywhere else you are signed out.', ends: 'A new password ends all of your other sessions.',
  ways: 'How you are reached', none: 'Nothing reaches you yet. Add a way, type the code that comes, and you are called when it is your turn.',
  inFiles: (name: string) => `A [[contact]] ${name} in the configuration says how you are reached: these ways are not used.`,
  kinds: { email: 'Mail', ntfy: 'ntfy', telegram: 'Telegram', pushover: 'Pushover', sms: 'Text message', voice: 'Phone call', push: 'Browser', slack: 'Slack' } as Record<string, string>,
  by: (channel: string) => `by ${channel}`,
  confirmed: '✔ confirmed', unconfirmed: 'not confirmed: not used yet', gone: 'is there no more: take it out, and add it again',
  tested: (when: string) => `✔ tested ${when} ago`, failedTest: (when: string, why: string) => `test failed ${when} ago: ${why}`,
  send: 'Send the code', sendTo: (what: string) => `Send the code to ${what}`, sent: 'A code of six digits is on its way.', code: (what: string) => `Code that came to ${what}`, confirm: 'Confirm', done: 'Confirmed: you are reached here now.',
  test: 'Test', testOf: (what: string) => `Send a test to ${what}`, testSent: 'Sent: did it ring?',
  remove: 'Take out', removeOf: (what: string) => `Take out ${what}`, removed: 'Taken out', anyway: 'Take it out all the same',
  add: 'Add', adding: 'Adding…', kind: 'By', address: 'Where', channel: 'Channel', shape: (shape: string) => `Write ${shape}.`,
  subscribe: 'Reach me in this browser', subscribing: 'Subscribing…', here: 'this browser',
  cannot: {
    insecure: 'This browser can be reached once the page is open over https (or on the server itself).', unable: 'This browser cannot show notifications while it is closed. On an iPhone add this page to the home screen first.',
    denied: 'This browser was told not to show notifications of this page: allow them in its settings.',
  },
  notAllowed: 'The browser was not allowed to show notifications.',
}
