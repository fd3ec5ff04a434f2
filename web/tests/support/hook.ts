/** Where the webhooks of a test arrive. */
import { createServer, type Server } from 'node:http'
import { until } from './server.ts'

export type Told = { event: string; incident: number; acknowledge: string; link: string; [key: string]: unknown }

export class Hook {
  readonly told: Told[] = []
  #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<Hook> {
    const server = createServer()
    const hook = new Hook(server)
    server.on('request', (request, response) => {
      let body = ''
      request.on('data', (chunk) => (body += chunk))
      request.on('end', () => {
        hook.told.push(JSON.parse(body) as Told)
        response.end()
      })
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return hook
  }

  get url(): string {
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`
  }

  /** The first that says this, however long it takes. */
  async wait(what: string, matches: (told: Told) => boolean): Promise<Told> {
    return until(what, () => this.told.find(matches) ?? null) as Promise<Told>
  }

  stop(): Promise<void> {
    return new Promise((done) => {
      this.#server.close(() => done())
      this.#server.closeAllConnections()
    })
  }
}
