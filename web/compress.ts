import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

/** Lays `X.gz` and `X.br` beside each built file X, so that the server never compresses. */
export function compress(): Plugin {
  let out = ''
  return {
    name: 'compress',
    apply: 'build',
    configResolved(config) {
      out = config.build.outDir
    },
    closeBundle() {
      for (const file of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
        if (/\.(js|css|html|svg)$/.test(file)) lay(join(out, file))
      }
    },
  }
}

function lay(path: string) {
  const bytes = readFileSync(path)
  writeFileSync(path + '.gz', gzipSync(bytes, { level: 9 }))
  writeFileSync(path + '.br', brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }))
}
