/** Who the server is and who we are to it. */
import { status } from '../api/calls.ts'
import { Trouble, whenSignedOut } from '../api/client.ts'
import type { Status } from '../api/types.ts'
import { learn } from '../live/time.ts'

class Server {
  status = $state.raw<Status | null>(null)
  trouble = $state.raw<Trouble | null>(null)
  /** We see a part of all names: what is of everybody is not asked for, and not offered. */
  limited = $derived(this.status?.auth.limited ?? false)
  #told!: () => void
  #known = new Promise<void>((done) => (this.#told = done))

  constructor() {
    whenSignedOut(() => void this.ask())
    void this.ask()
  }

  get signInNeeded(): boolean {
    const auth = this.status?.auth
    return auth?.mode === 'required' && auth.role === null
  }

  /** The same for what is asked at once: it waits until the server has said who we are. */
  async seesAll(): Promise<boolean> {
    await this.#known
    return !this.limited
  }

  async ask() {
    try {
      this.status = await status()
      this.trouble = null
      learn(this.status.now)
      this.#told()
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      this.trouble = error
      setTimeout(() => this.ask(), 2000)
    }
  }
}

export const server = new Server()

/** What is of everybody, asked by those who see everything; the rest have something else in its place. */
export const ofEverybody = async <T>(ask: () => Promise<T>, otherwise: T): Promise<T> => ((await server.seesAll()) ? ask() : otherwise)
