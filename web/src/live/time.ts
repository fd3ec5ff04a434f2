/** The server's clock, as well as we know it: `now` everywhere means this. */

let skew = 0
let measured = false

/** A message that carries the server's time. The largest difference seen lately had the least delay on its way. */
export function learn(serverSeconds: number) {
  const seen = serverSeconds - Date.now() / 1000
  skew = !measured || Math.abs(seen - skew) > 1 ? seen : Math.max(seen, skew - 0.001)
  measured = true
}

export function now(): number {
  return Date.now() / 1000 + skew
}

/** Seconds that this machine's clock is behind (+) or ahead (-) of the server's. */
export function clockSkew(): number {
  return skew
}
