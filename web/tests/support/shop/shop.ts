/** A page of somebody else that breaks. The DSN stands behind the `#`. */
// @ts-expect-error: it is among the packages of the scenarios, and resolved where the page is built.
import * as Sentry from '@sentry/browser'

type Order = { name: string; price: number }

Sentry.init({ dsn: decodeURIComponent(location.hash.slice(1)), release: 'shop@1.0.0' })

function chargeCard(order: Order) {
  throw new RangeError(`no card takes ${order.price}`)
}

function checkOut(order: Order) {
  chargeCard({ ...order, price: order.price * 2 })
}

document.querySelector('#pay')!.addEventListener('click', () => checkOut({ name: 'tea', price: 21 }))
document.querySelector('#say')!.addEventListener('click', () => Sentry.captureFeedback({ message: 'Where is the tea?', name: 'Ben', email: 'ben@example.com' }))
document.querySelector('#report')!.addEventListener('click', () => Sentry.showReportDialog({ eventId: Sentry.lastEventId() }))
