import { expect, test } from 'vitest'
import { browserName, bytes } from './browser.ts'

test('a browser is called by its program and system', () => {
  const names = {
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0': 'Firefox on Linux',
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile Safari/537.36': 'Chrome on Android',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Safari/604.1': 'Safari on iOS',
    'Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Safari/537.36 Edg/142.0': 'Edge on Windows',
    something: 'Browser',
  }
  for (const [agent, name] of Object.entries(names)) expect(browserName(agent)).toBe(name)
})

test('keys are read from base64url', () => expect([...bytes('_-8A')]).toEqual([255, 239, 0]))
