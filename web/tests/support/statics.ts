/** A folder over HTTP, for demos that need no server of ours. */
import { createServer, type Server } from 'node:http'
import { existsSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }

export async function folder(root: string): Promise<{ url: string; close: () => void }> {
  const server: Server = createServer((request, answer) => {
    const file = join(root, new URL(request.url ?? '/', 'http://x').pathname)
    if (!existsSync(file)) return void answer.writeHead(404).end()
    answer.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(readFileSync(file))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() }
}
