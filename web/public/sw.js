// Shows what the server pushes, also while no page is open. It handles no requests: pages load as they would without it.
self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('push', (event) => {
  const said = event.data ? event.data.json() : { title: 'Bellwether', body: '', open: '/incidents' }
  event.waitUntil(self.registration.showNotification(said.title, {
    body: said.body, tag: said.tag, renotify: Boolean(said.tag), requireInteraction: said.urgent === true, icon: '/icon.svg', badge: '/icon.svg',
    data: { open: said.open, acknowledge: said.acknowledge ?? null },
    actions: said.acknowledge ? [{ action: 'acknowledge', title: 'Acknowledge' }] : [],
  }))
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const { open, acknowledge } = event.notification.data
  event.waitUntil(event.action === 'acknowledge' ? take(acknowledge, event.notification) : show(open))
})

// In one tap, without opening anything. What could not be said is said: the page then has a button that tries again.
async function take(link, notification) {
  const form = new URLSearchParams({ do: 'acknowledge' })
  const answer = await fetch(link, { method: 'POST', body: form, credentials: 'omit' }).catch(() => null)
  if (answer && answer.ok) return
  await self.registration.showNotification('Not acknowledged: ' + notification.title, {
    body: 'The server could not be reached. Touch this to try again.', tag: notification.tag, requireInteraction: true, icon: '/icon.svg', data: { open: link, acknowledge: null },
  })
}

// Only paths of this server: what is pushed leads nowhere else.
async function show(path) {
  const url = new URL(path, self.location.origin)
  if (url.origin !== self.location.origin) return
  const open = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const same = open.find((one) => one.url === url.href)
  await (same ? same.focus() : self.clients.openWindow(url.href))
}
