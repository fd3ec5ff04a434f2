import { expect, test } from 'vitest'
import type { ProjectSettings } from '../../api/errors.ts'
import { changesOf, clashesOf, conditionsSaid, draftOf, fieldsOf, keptOver, losesEvents, newRule, settingsOf, wrongNumbers } from './settings.ts'

const SETTINGS: ProjectSettings = {
  source_url: 'https://git.example/{path}', source_root: '/srv/', issue_url: null, facets: ['extra.file'], retention_days: 30, max_events_per_5m: null, max_transactions_per_5m: 5000, max_sessions_per_5m: null, spike_factor: 0, tee: null,
  owners: [{ when: [{ field: 'module', pattern: 'jobs.*' }], owner: 'ana' }],
  rules: [{ when: [{ field: 'message', pattern: '*timeout*', not: true }], then: { fingerprint: ['timeouts', '{{ default }}'] } }, { when: [{ field: 'path', pattern: '*/vendor/*' }], then: { in_app: false } }],
  scrub_defaults: true, remove_addresses: false, scrub_fields: ['iban'], safe_fields: [], scrub_rules: [{ name: 'iban', pattern: '[A-Z]{2}[0-9]{20}' }], grouping_version: 3, baseline_until: 7,
}

test('a form gives back what it was filled with, and only what was changed is written', () => {
  const draft = draftOf(SETTINGS)
  const { grouping_version: _, baseline_until: __, ...edited } = SETTINGS
  expect(settingsOf(draft)).toEqual(edited)
  expect(changesOf(SETTINGS, draft)).toEqual({})
  draft.retention_days = ' 7 '
  draft.issue_url = ' https://git.example/new '
  draft.facets = 'extra.file\n\n  contexts.job.name '
  draft.max_transactions_per_5m = ''
  draft.max_sessions_per_5m = '0'
  draft.rules[1].does = 'own'
  expect(changesOf(SETTINGS, draft)).toEqual({ retention_days: 7, max_transactions_per_5m: null, max_sessions_per_5m: 0, issue_url: 'https://git.example/new', facets: ['extra.file', 'contexts.job.name'], rules: [SETTINGS.rules[0], { when: SETTINGS.rules[1].when, then: { in_app: true } }] })
})

test('what two change at once is told of, unless both mean the same', () => {
  const changes = { retention_days: 7, facets: [] }
  expect(clashesOf(SETTINGS, SETTINGS, changes)).toEqual([])
  expect(clashesOf(SETTINGS, { ...SETTINGS, retention_days: 9, source_root: '/app/' }, changes)).toEqual(['retention_days'])
  expect(clashesOf(SETTINGS, { ...SETTINGS, retention_days: 7 }, changes)).toEqual([])
  // What only the other one has changed stays theirs.
  const fresh = { ...SETTINGS, retention_days: 9, source_root: '/app/' }
  expect(changesOf(fresh, keptOver(fresh, { ...draftOf(SETTINGS), retention_days: '7' }, { retention_days: 7 }))).toEqual({ retention_days: 7 })
})

test('a shorter time is asked twice for, where there are older events', () => {
  const now = 100 * 86_400
  const loses = (days: number | null | undefined, oldest: number | null) => losesEvents(days === undefined ? {} : { retention_days: days }, oldest, now)
  expect([loses(7, now - 8 * 86_400), loses(7, now - 6 * 86_400), loses(7, null), loses(undefined, 0), loses(null, now - 86_400)]).toEqual([true, false, false, false, true])
})

test('numbers are checked before they are sent; each field has its place', () => {
  const draft = { ...draftOf(SETTINGS), retention_days: 'a week', max_sessions_per_5m: '3k', spike_factor: '-1' }
  expect(wrongNumbers(draft)).toEqual(['retention_days', 'max_sessions_per_5m', 'spike_factor'])
  draft.rules.push(newRule())
  expect(fieldsOf(draft)).toEqual(expect.arrayContaining(['tee', 'facets', 'rules.2.when.0.field', 'rules.0.then.fingerprint', 'owners.0.owner', 'scrub_rules.0.pattern']))
})

test('conditions are said in one line', () => {
  expect(conditionsSaid([{ field: 'module', pattern: 'jobs.*' }, { field: 'tags.region', pattern: 'eu', not: true }], 'not')).toBe('module jobs.*, tags.region not eu')
})
