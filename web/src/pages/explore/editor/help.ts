/** Graphite's function texts are reStructuredText; one plain sentence of them is what a hint needs. */
export function firstSentence(text: string): string {
  const plain = plainText(text)
  return /^.*?[.!?](?=\s|$)/s.exec(plain)?.[0] ?? plain.slice(0, 160)
}

export function plainText(text: string): string {
  return text
    .split(/\n\s*(?:Example|\.\. code-block)/)[0]
    .replace(/``?([^`]+)``?/g, '$1')
    .replace(/:\w+:/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}
