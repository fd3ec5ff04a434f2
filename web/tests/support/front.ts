/** The pages as they were last built, before a server whose binary has older ones: `UI_DIST=web/dist/ui`. For trying pages without compiling the server anew. */
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { extname, join } from 'node:path'

const TYPES: Record<string, string> = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html', '.svg': 'image/svg+xml' }
const FOR_SERVER = ['api', 'render', 'metrics', 'functions', 'tags', 'events', 'status', 'healthz', 'readyz', 'a', 'post-mortems', '911']

export function front(dist: string, port: number): Promise<Server> {
  const server = createServer((asked, answer) => {
    const path = (asked.url ?? '/').split('?')[0]
    const file = join(dist, path)
    if (FOR_SERVER.includes(path.split('/')[1])) return pass(asked, answer, port)
    send(answer, existsSync(file) && statSync(file).isFile() ? file : join(dist, 'index.html'))
  })
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)))
}

function send(answer: ServerResponse, file: string) {
  answer.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' })
  createReadStream(file).pipe(answer)
}

function pass(asked: IncomingMessage, answer: ServerResponse, port: number) {
  const host = `127.0.0.1:${port}`
  const headers = { ...asked.headers, host, ...(asked.headers.origin ? { origin: `http://${host}` } : {}) }
  const through = request({ port, host: '127.0.0.1', path: asked.url, method: asked.method, headers }, (told) => {
    answer.writeHead(told.statusCode ?? 502, told.headers)
    told.pipe(answer)
  })
  through.on('error', () => answer.destroy())
  answer.on('close', () => through.destroy())
  asked.pipe(through)
}
