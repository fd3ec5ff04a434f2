/** What the page says on which people write to those outside. */
import type { Phase, Standing } from '../api/posts.ts'

export const words = {
  failed: 'What was said to people outside could not be loaded', stale: 'What was said to people outside cannot be asked at the moment',
  none: 'People outside are told of nothing at the moment.', open: (count: number, title: string) => (count === 1 ? `People outside are told: ${title}.` : `People outside are told of ${count} things. The last: ${title}.`),
  off: 'The status page is switched off: nobody outside reads this. Write enabled = true into [status_page], with the components that people know.', snippetTitle: 'The status page in bellwether.toml',
  snippet: '[status_page]\nenabled = true\ntitle = "Is it us?"\ncomponents = ["Uploads", "Search"]',
  look: 'The page as others see it',
  write: 'Say something', title: 'Title', text: 'What you say to them', textHelp: 'In plain words: what does not work for them, what you do, when you will say more.', phase: 'Where it has got to', components: 'How it does for those who use it',
  phases: { investigating: 'We are looking into it', identified: 'We know what it is', monitoring: 'It should be well again, we watch it', resolved: 'It is over', planned: 'Work that is announced', notice: 'News, and no trouble' } satisfies Record<Phase, string>,
  standings: { operational: 'works', maintenance: 'maintenance', degraded: 'degraded', partial_outage: 'partly down', outage: 'down' } satisfies Record<Standing, string>,
  same: 'not said', go: 'Publish it', goOn: 'Say how it goes on', publishing: 'Publishing…', published: 'Published: people outside read it now', refused: 'It was not published',
  now: 'Told now', past: 'Over', since: (at: string) => `since ${at}`, ended: (at: string) => `over ${at}`, by: (author: string) => `by ${author}, which nobody outside sees`,
  remove: 'Take it away', sure: 'Really take it away', keep: 'Keep', removed: 'Taken away', editors: 'Writing to people outside takes an editor.', of: (title: string) => `About ${title}`,
  before: (count: number) => `${count} earlier ${count === 1 ? 'update' : 'updates'}`, limits: 'Nothing of it is filled in by machines: what stands here is what somebody wrote.',
}
