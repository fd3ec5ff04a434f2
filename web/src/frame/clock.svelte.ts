/** The server's time as framework state, once a second: for ages, never for points. */
import { now } from '../live/time.ts'

class Clock {
  now = $state(now())
  constructor() {
    setInterval(() => (this.now = now()), 1000)
  }
}

export const clock = new Clock()
