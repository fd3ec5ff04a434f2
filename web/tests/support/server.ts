/** A Bellwether under test: its own directory, free ports, and short ways to speak to it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Server as Front } from 'node:http'
import { front } from './front.ts'

const ROOT = resolve(import.meta.dirname, '../../..')

export function binary(): string {
  const target = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target')
  const path = resolve(process.env.BELLWETHER_BIN ?? join(target, 'debug', 'bellwether'))
  if (!existsSync(path)) throw new Error(`there is no binary at ${path}; build it, or name one with BELLWETHER_BIN`)
  return path
}

/** Of the processes that run tests at the same time each has ports of its own. */
const PROCESSES = 4
const OWN = Number(process.env.VITEST_POOL_ID ?? 0) % PROCESSES

/** Below those that the kernel gives to outgoing connections, which may take one before the server does or while it restarts; free for TCP and UDP. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + PROCESSES * Math.floor(Math.random() * 5_000) + OWN
    if (given.has(port)) continue
    given.add(port)
    if ((await isFreeForTcp(port)) && (await isFreeForUdp(port))) return port
  }
}

/** Free until a server listens there: another one, or the same one's next listener, is to have another. */
const given = new Set<number>()

function isFreeForTcp(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer()
    probe.on('error', () => done(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)))
  })
}

function isFreeForUdp(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createSocket('udp4')
    probe.on('error', () => done(false))
    probe.bind(port, '127.0.0.1', () => probe.close(() => done(true)))
  })
}

export const pause = (ms: number) => new Promise((done) => setTimeout(done, ms))

/** The first answer that is true, or a failure that says what was waited for. */
export async function until<T>(what: string, condition: () => Promise<T> | T, seconds = 60): Promise<NonNullable<T>> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const answer = await condition()
    if (answer) return answer
    if (Date.now() > end) throw new Error(`${what} did not come about in ${seconds} s`)
    await pause(50)
  }
}

/** What is measured on a machine with other work: true as soon as one attempt is. */
export async function attempts(most: number, attempt: (index: number) => Promise<boolean>): Promise<boolean> {
  for (let index = 0; index < most; index++) if (await attempt(index)) return true
  return false
}

/** Of an odd number of measurements. */
export const median = (of: number[]) => [...of].sort((a, b) => a - b)[(of.length - 1) / 2]

type Ports = Record<'http' | 'statsd' | 'admin' | 'line' | 'pickle', number>

export class Server {
  readonly directory = mkdtempSync(join(tmpdir(), 'bellwether-web-'))
  readonly log = join(this.directory, 'log')
  ports!: Ports
  #process: ChildProcess | null = null
  #env: Record<string, string>

  #front: Front | null = null

  private constructor(env: Record<string, string>) {
    this.#env = env
  }

  static async start(config = '', env: Record<string, string> = {}): Promise<Server> {
    const server = new Server(env)
    const [http, statsd, admin, line, pickle] = await Promise.all([1, 2, 3, 4, 5].map(freePort))
    server.ports = { http, statsd, admin, line, pickle }
    server.configure(config)
    await server.run()
    return server
  }

  /** At once: a server that looks at its file finds the old text or the new one, never a part of it. */
  configure(config: string) {
    const path = join(this.directory, 'bellwether.toml')
    writeFileSync(`${path}.new`, config)
    renameSync(`${path}.new`, path)
  }

  async run() {
    const at = (name: keyof Ports) => `127.0.0.1:${this.ports[name]}`
    const log = openSync(this.log, 'a')
    this.#process = spawn(binary(), ['serve', '--config', join(this.directory, 'bellwether.toml')], {
      cwd: this.directory,
      stdio: ['ignore', log, log],
      env: {
        PATH: process.env.PATH ?? '',
        BELLWETHER_DATA_DIR: join(this.directory, 'data'),
        BELLWETHER_HTTP__LISTEN: at('http'),
        BELLWETHER_STATSD__UDP: at('statsd'),
        BELLWETHER_STATSD__TCP: at('statsd'),
        BELLWETHER_STATSD__ADMIN: at('admin'),
        BELLWETHER_CARBON__LINE: at('line'),
        BELLWETHER_CARBON__UDP: at('line'),
        BELLWETHER_CARBON__PICKLE: at('pickle'),
        // On a disk that is nearly full, and at any hour: by default the store is read-only then, and only what is CRITICAL rings.
        BELLWETHER_STORAGE__MIN_FREE: '16MiB',
        BELLWETHER_INCIDENTS__NIGHT: 'off',
        ...this.#env,
      },
    })
    closeSync(log)
    await until('readiness', () => this.#ready(), 120)
    if (process.env.UI_DIST && !this.#front) this.#front = await front(resolve(process.env.UI_DIST), this.ports.http)
  }

  async #ready(): Promise<boolean> {
    if (this.#process?.exitCode !== null) throw new Error(`the server ended:\n${readFileSync(this.log, 'utf8')}`)
    return fetch(this.url('/readyz')).then((answer) => answer.ok, () => false)
  }

  url(path = '/'): string {
    const port = this.#front ? (this.#front.address() as AddressInfo).port : this.ports.http
    return `http://127.0.0.1:${port}${path}`
  }

  signal(name: NodeJS.Signals) {
    this.#process?.kill(name)
  }

  /** Wait for its end, as after a signal. */
  async ended(seconds = 60) {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    await until('the end of the server', () => child.exitCode !== null || child.signalCode !== null, seconds)
  }

  async stop() {
    this.#front?.close()
    this.#front?.closeAllConnections()
    this.signal('SIGCONT')
    this.signal('SIGTERM')
    await this.ended().catch(() => this.signal('SIGKILL'))
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** Run the command line against this server. */
  async cli(words: string[], input = ''): Promise<string> {
    const child = spawn(binary(), [...words, '--config', join(this.directory, 'bellwether.toml')], {
      cwd: this.directory,
      env: { PATH: process.env.PATH ?? '', BELLWETHER_DATA_DIR: join(this.directory, 'data'), ...this.#env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let said = ''
    child.stdout.on('data', (chunk) => (said += chunk))
    child.stderr.on('data', (chunk) => (said += chunk))
    child.stdin.end(input)
    const code = await new Promise<number | null>((done) => child.on('close', done))
    if (code !== 0) throw new Error(`bellwether ${words.join(' ')} ended with ${code}: ${said}`)
    return said
  }

  statsd(...packets: string[]): Promise<void> {
    const socket = createSocket('udp4')
    const sent = packets.map((packet) => new Promise<void>((done) => socket.send(packet, this.ports.statsd, '127.0.0.1', () => done())))
    return Promise.all(sent).then(() => void socket.close())
  }

  carbon(lines: string): Promise<void> {
    return new Promise((done, fail) => {
      const socket = connect(this.ports.line, '127.0.0.1', () => socket.end(lines))
      socket.on('close', () => done())
      socket.on('error', fail)
    })
  }

  async json<T>(path: string): Promise<T> {
    return (await fetch(this.url(path))).json() as Promise<T>
  }

  /** Wait until a series has a point. */
  async known(name: string) {
    await until(`a point of ${name}`, async () => (await this.json<unknown[]>(`/render?target=${name}&from=-5min&format=json&noNullPoints=1`)).length > 0)
  }
}
