/** The server's time as framework state, once a second and with each message of the stream: for ages, never for points. */
import { onFrame } from '../live/ticker.ts'
import { now } from '../live/time.ts'

class Clock {
  now = $state(now())
  constructor() {
    // The frame in which graphs draw is the one in which numbers beside them change.
    onFrame(() => (this.now = now()))
  }
}

export const clock = new Clock()
