/** Whoever signs out in a browser is not called by it any more: the next who sits there reads none of their pages. */
import { kept, ownWays, setWays } from '../../api/me.ts'
import { subscribed, unsubscribe } from './browser.ts'

/** Nobody is kept from signing out by what fails here: the push service says to the server that the subscription is gone. */
export async function forgetBrowser() {
  try {
    const endpoint = await subscribed()
    if (endpoint === null) return
    await unsubscribe(endpoint)
    const { ways } = await ownWays()
    const own = ways.find((way) => way.type === 'push' && way.address === endpoint)
    // Who is on call knows that they leave: it is not asked again.
    if (own) await setWays(kept(ways, own.id), true)
  } catch (error) {
    console.warn('this browser may still be in the list of your ways', error)
  }
}
