/** The SharedWorker: one hub for all tabs of this browser. */
import { browserWorld, Hub } from './hub.ts'
import type { FromPage } from './protocol.ts'

const hub = new Hub(browserWorld)
setInterval(() => hub.tick(), 1000)

const scope = globalThis as unknown as { onconnect: (event: MessageEvent) => void }
scope.onconnect = ({ ports: [port] }) => {
  hub.join(port, (message) => port.postMessage(message))
  port.onmessage = ({ data }: MessageEvent<FromPage>) => hub.hear(port, data)
}
