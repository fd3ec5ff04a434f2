// A sign-in provider (node-oidc-provider, which is certified) that asks for a name and believes it.
//
//   node sign_in_provider.mjs PORT CALLBACK PEOPLE
//
// PEOPLE: JSON of {"name": {claims}}. /interaction/ID?as=NAME is its form; PUT /lie {"kind"} makes its next words lies:
// what this program signs is then taken apart, changed, and signed again with the same key. PUT /people {"name": {claims}}: others than before.
import http from 'node:http'
import { generateKeyPair, exportJWK, importJWK, decodeJwt, SignJWT } from 'jose'
import { Provider } from 'oidc-provider'

const [port, callback, people] = process.argv.slice(2)
const issuer = `http://127.0.0.1:${port}`
const accounts = JSON.parse(people)
const pair = async (kid) => {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' }
}
const [own, foreign] = [await pair('own'), await pair('foreign')]
let lie = ''

const provider = new Provider(issuer, {
  clients: [{ client_id: 'bellwether', client_secret: 'a secret/with+signs', redirect_uris: [callback], post_logout_redirect_uris: [new URL('/', callback).href] }],
  jwks: { keys: [own] },
  cookies: { keys: ['a test'] },
  claims: { openid: ['sub'], profile: ['preferred_username', 'name', 'groups'], email: ['email', 'email_verified'] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: `id-of-${id}`, ...accounts[id] }) },
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope('openid profile email')
    await grant.save()
    return grant
  },
})

const LIES = {
  nonce: (claims) => ({ ...claims, nonce: 'another' }),
  audience: (claims) => ({ ...claims, aud: 'somebody-else' }),
  expired: (claims) => ({ ...claims, iat: claims.iat - 7200, exp: claims.iat - 3600 }),
  issuer: (claims) => ({ ...claims, iss: 'https://evil.example' }),
  key: (claims) => claims,
  unsigned: (claims) => claims,
  // No lie: all but whether the address is theirs, and nobody is there who could be asked.
  alone: (claims) => ({ ...accounts[claims.sub.replace('id-of-', '')], email_verified: undefined, ...claims }),
}

async function told(token) {
  const claims = LIES[lie](decodeJwt(token))
  if (lie === 'unsigned') {
    const part = (json) => Buffer.from(JSON.stringify(json)).toString('base64url')
    return `${part({ alg: 'none' })}.${part(claims)}.`
  }
  const key = lie === 'key' ? foreign : own
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'own' }).sign(await importJWK(key, 'RS256'))
}

provider.use(async (ctx, next) => {
  await next()
  if (lie && ctx.body?.id_token) ctx.body = { ...ctx.body, id_token: await told(ctx.body.id_token) }
})

const answer = provider.callback()
http.createServer(async (request, response) => {
  const url = new URL(request.url, issuer)
  if (url.pathname === '/lie') {
    lie = url.searchParams.get('kind')
    response.end()
  } else if (url.pathname === '/people') {
    let body = ''
    for await (const part of request) body += part
    Object.assign(accounts, JSON.parse(body))
    response.end()
  } else if (lie === 'alone' && url.pathname === '/me') {
    response.statusCode = 503
    response.end()
  } else if (url.pathname.startsWith('/interaction/')) {
    const name = url.searchParams.get('as')
    const login = { login: { accountId: name } }
    await provider.interactionFinished(request, response, name ? login : { error: 'access_denied' })
  } else answer(request, response)
}).listen(Number(port), '127.0.0.1', () => console.log('ready'))
