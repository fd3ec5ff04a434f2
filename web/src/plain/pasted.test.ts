import { describe, expect, test } from 'vitest'
import { graphsIn, pieces } from './pasted.ts'

const OURS = 'https://bell.example'
const AT = 1_700_003_600
const links = (text: string) => pieces(text, OURS, AT).filter(({ href }) => href !== null).map(({ href, inside }) => [href, inside])
const graphs = (text: string) => graphsIn(text, OURS, AT)

test('all of a text is there, links or not', () => {
  for (const text of ['', 'no link', 'see https://bell.example/explore?q=a(b).', '/explore?q=a and (/render?target=b)']) expect(pieces(text, OURS, AT).map((piece) => piece.text).join('')).toBe(text)
})

describe('what is a link', () => {
  test.each([
    ['see https://wiki.example/a_(b), please', 'https://wiki.example/a_(b)', false],
    ['(https://bell.example/incidents/4)', '/incidents/4', true],
    ['https://bell.example/a/secret?x=1!', 'https://bell.example/a/secret?x=1', false],
    ['it is /explore?q=sumSeries(a.*)', '/explore?q=sumSeries(a.*)', true],
    ['/render?target=a&format=png', 'https://bell.example/render?target=a&format=png', false],
    ['https://bell.example//other.example/explore?q=a', 'https://bell.example//other.example/explore?q=a', false],
  ])('%s', (text, href, inside) => expect(links(text)).toEqual([[href, inside]]))
  test.each(['a path such as /etc/passwd', 'javascript:alert(1)', 'var/explore?q=a', 'http://'])('none: %s', (text) => expect(links(text)).toEqual([]))
})

describe('which link is drawn', () => {
  test('as it was when it was written', () => {
    expect(graphs('/explore?from=-1h&to=now&q=a.b')).toEqual([{ targets: ['a.b'], span: { from: '1700000000', to: '1700003600' } }])
    expect(graphs('/explore?q=a.b&q=sumSeries(c.*)')).toEqual([{ targets: ['a.b', 'sumSeries(c.*)'], span: { from: '1700000000', to: '1700003600' } }])
    expect(graphs('/explore?from=1600000000&to=1600000600&q=a')).toEqual([{ targets: ['a'], span: { from: '1600000000', to: '1600000600' } }])
    expect(graphs(`${OURS}/render?target=a&from=-2h&until=-1h&format=png`)).toEqual([{ targets: ['a'], span: { from: '1699996400', to: '1700000000' } }])
    expect(graphs('/render/?target=a')[0].span).toEqual({ from: String(AT - 86_400), to: String(AT) })
  })
  test('each once', () => expect(graphs('/explore?q=a then /explore?q=a then /explore?q=b')).toHaveLength(2))
  test('no more lines than one tells apart', () => expect(graphs(`/explore?${Array.from({ length: 30 }, (_, index) => `q=a${index}`).join('&')}`)[0].targets).toHaveLength(10))
  test.each(['https://other.example/explore?q=a', 'https://bell.example.evil.example/render?target=a', '//other.example/explore?q=a', '/explore?from=-1h', '/render?target=a&from=yesterday', '/render?target=', '/explorer?q=a', '/api/v1/graph?target=a'])('not %s', (text) => expect(graphs(text)).toEqual([]))
})
