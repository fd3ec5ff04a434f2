/**
 * A hundred live graphs of three series, 300 points each, one point a second: what does a browser spend on it?
 * `?graphs=100&speed=1`; with a higher speed that many seconds pass in one, to see whether memory grows.
 * No server: history and stream are made here.
 */
import '../src/base.css'
import { mount } from 'svelte'
import type { GraphAnswer } from '../src/api/types.ts'
import { Link } from '../src/live/link.ts'
import type { FromPage, ToPage } from '../src/live/protocol.ts'
import Hundred from './Hundred.svelte'

const wanted = new URLSearchParams(location.search)
const GRAPHS = Number(wanted.get('graphs') ?? 100)
const SPEED = Number(wanted.get('speed') ?? 1)
const LINES = 3
const POINTS = 300

const value = (id: number, at: number) => 50 + 30 * Math.sin(at / (20 + (id % 17))) + ((at * 7919 + id * 104729) % 13)
let clock = Math.floor(Date.now() / 1000)

window.fetch = async (_, options) => {
  const { targets } = JSON.parse(String(options?.body)) as { targets: string[] }
  const start = clock - POINTS + 1
  const answer: GraphAnswer = {
    now: clock, from: start, until: clock, annotations: [],
    results: targets.map((target) => ({
      target, error: null,
      series: Array.from({ length: LINES }, (_, line) => ({
        name: `${target}.${line}`, tags: {}, step: 1, start, every: 1,
        values: Array.from({ length: POINTS }, (_, i) => value(Number(target) * LINES + line, start + i)),
      })),
    })),
  }
  return new Response(JSON.stringify(answer))
}

const link = new Link((hear: (message: ToPage) => void) => {
  let targets: string[] = []
  setInterval(() => {
    clock++
    const ids = targets.flatMap((target) => Array.from({ length: LINES }, (_, line) => Number(target) * LINES + line))
    hear({ tell: 'points', event: { now: clock, ids, starts: ids.map(() => clock), values: ids.map((id) => [value(id, clock)]) } })
  }, 1000 / SPEED)
  return (message: FromPage) => {
    if (message.ask !== 'want') return
    targets = message.targets
    for (const target of targets) {
      const series = Array.from({ length: LINES }, (_, line) => ({ id: Number(target) * LINES + line, name: `${target}.${line}`, tags: {}, step: 1 }))
      hear({ tell: 'series', event: { target, series, error: null } })
    }
  }
})

mount(Hundred, { target: document.getElementById('page')!, props: { link, graphs: GRAPHS } })
