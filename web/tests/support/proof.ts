/** A proof of the pager as the API tells it. */
import type { Proof, ProofAnswer, ProofItem } from '../../src/api/proof.ts'

const DAY = 86_400
const now = () => Math.floor(Date.now() / 1000)
const of = (pages: number, at_night: number, nights_woken: number) => ({ pages, at_night, nights_woken })

const aProof = (): Proof => ({
  from: now() - 90 * DAY, until: now(), known_from: now() - 80 * DAY, first_report_at: null, unfinished: false, of_shadow: 12, nights: 80,
  sentence: '412 pages sent; these rules would have sent 388 (131 at night). Of 3 known outages 1 told of earlier, 1 later, 0 missed, 1 for the first time. 2 proposed changes leave 61 pages (84 % fewer), and no known outage is missed by them.',
  sent: { ...of(412, 140, 63), contacts: { ana: of(230, 80, 41), ben: of(182, 60, 38) } },
  would: { ...of(388, 131, 60), contacts: { ana: of(200, 70, 36), ben: of(100, 31, 19), cyd: of(88, 30, 18) } },
  proposed: { ...of(61, 17, 12), contacts: { ana: of(30, 9, 7), cyd: of(31, 8, 6) } },
  slept: { ana: { sent: 39, would: 44, proposed: 73 }, ben: { sent: 42, would: 61, proposed: 80 }, cyd: { sent: 80, would: 62, proposed: 74 } },
  labels: [
    { start: now() - 40 * DAY, end: now() - 40 * DAY + 3_180, title: 'checkout is down', sent: now() - 40 * DAY + 900, would: now() - 40 * DAY + 60, verdict: 'earlier', with_proposals: now() - 40 * DAY + 120 },
    { start: now() - 30 * DAY, end: now() - 30 * DAY + 3_600, title: 'nobody can sign in', sent: null, would: now() - 30 * DAY - 60, verdict: 'new', with_proposals: now() - 30 * DAY },
    { start: now() - 20 * DAY, end: now() - 20 * DAY + 600, title: 'orders twice', sent: null, would: null, verdict: 'unseen', with_proposals: null },
  ],
  rules: [{ rule: 'monitor:spikes', shadow: false, sent: 0, would: 240, at_night: 80, useful: 0, useless: 9 }, { rule: 'check:web1/disk /var', shadow: true, sent: 300, would: 120, at_night: 40, useful: 2, useless: 1 }],
  proposals: [
    { rule: 'monitor:spikes', kind: 'for', what: 'for = "5min" instead of "0s"', pages_before: 240, pages_after: 3, at_night_before: 80, at_night_after: 1, caught_before: 1, caught_after: 1, replaces: 'conf.d/web.toml:3', toml: '# monitor:spikes: for = "5min" instead of "0s"\n[[monitor]]\nname = "spikes"\ntarget = "site.load.*"\ncritical = "> 8"\nfor = "5min"\n' },
    { rule: 'check:web1/disk /var', kind: 'repeats', what: 'notification_interval = "0s": told once, until it is over', pages_before: 120, pages_after: 30, at_night_before: 40, at_night_after: 9, caught_before: 0, caught_after: 0, replaces: null, toml: '[[check]]\nname = "web1/disk /var"\nnotification_interval = "0s"\n' },
  ],
  doubts: [{ rule: 'monitor:old', from: 0, until: 0, reason: 'only averages of a minute are kept of then' }],
})

export const proofItem = (change: Partial<ProofItem> = {}): ProofItem => ({ id: 3, made: now() - 3_600, author: 'ana', from: now() - 90 * DAY, until: now(), state: 'done', share: 1, sentence: aProof().sentence, ...change })
export const proofAnswer = (): ProofAnswer => ({ ...proofItem(), error: null, proof: aProof() })
export const proofRunning = (share: number): ProofAnswer => ({ ...proofItem({ state: 'running', share, sentence: '' }), error: null, proof: null })
export const youngProof = (): ProofAnswer => ({ ...proofItem(), error: null, proof: { ...aProof(), first_report_at: now() + 5 * DAY, labels: [], proposals: [], slept: {}, rules: [], doubts: [], sentence: '0 pages sent; these rules would have sent 12 pages (4 at night). Too little is known yet: proposals come when there are seven days.' } })
