import { expect, test } from 'vitest'
import { blocks, inlines } from './markdown.ts'

test('what people write in playbooks', () => {
  const told = blocks('# Uploads\n\nLook **first**,\nthen act.\n\n- [ ] look at `status`\n- [x] roll back\n  to the last one\n\n1. one\n2) two\n\n```sh\ncap deploy\n# no heading\n```\n> they said so\n---\n* a\n  * b')
  expect(told.map(({ kind }) => kind)).toEqual(['heading', 'paragraph', 'list', 'list', 'code', 'quote', 'rule', 'list'])
  expect(told[1]).toEqual({ kind: 'paragraph', text: [{ kind: 'text', text: 'Look ' }, { kind: 'strong', text: 'first' }, { kind: 'text', text: ', then act.' }] })
  expect(told[2]).toMatchObject({ ordered: false, items: [{ raw: 'look at `status`', box: false }, { raw: 'roll back to the last one', box: true }] })
  expect(told[3]).toMatchObject({ ordered: true, first: 1, items: [{ raw: 'one', box: null }, { raw: 'two', box: null }] })
  expect(told[4]).toEqual({ kind: 'code', text: 'cap deploy\n# no heading' })
  expect(told[7]).toMatchObject({ items: [{ raw: 'a', depth: 0 }, { raw: 'b', depth: 1 }] })
})

test('links lead to pages, and nowhere where something runs', () => {
  expect(inlines('see [the wiki](https://wiki/x) or https://a.b/c.')).toEqual([{ kind: 'text', text: 'see ' }, { kind: 'link', text: 'the wiki', href: 'https://wiki/x' }, { kind: 'text', text: ' or ' }, { kind: 'link', text: 'https://a.b/c', href: 'https://a.b/c' }, { kind: 'text', text: '.' }])
  expect(inlines('[a](javascript:alert) <b>x</b>').every(({ kind }) => kind === 'text')).toBe(true)
  expect(inlines('[a](//elsewhere/x)').every(({ kind }) => kind === 'text')).toBe(true)
  expect(inlines('snake_case_name and a*b*c')).toEqual([{ kind: 'text', text: 'snake_case_name and a*b*c' }])
  expect(blocks('')).toEqual([])
  expect(blocks('```\nopen to the end')).toEqual([{ kind: 'code', text: 'open to the end' }])
})
