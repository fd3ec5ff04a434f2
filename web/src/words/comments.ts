/** What is said around comments. */
export const words = {
  title: 'Comments', failed: 'The comments could not be loaded', asking: 'The comments are looked up…',
  none: 'Nobody has said anything of it.', label: 'Comment', hint: 'What others should know; @name pages them', offered: 'Whom it pages',
  go: 'Say it', sending: 'Sending…', said: 'Said', refused: 'It was not kept',
  notPaged: (why: string[]) => `Not paged: ${why.join('; ')}.`,
  remove: 'Take out', removeOf: (by: string, text: string) => `Take out what ${by} said: ${text}`, removed: 'Taken out', notRemoved: 'It was not taken out',
  earlier: (count: number) => `${count} earlier`,
}
