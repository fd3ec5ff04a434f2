(() => {
  // What could not be sent is kept under this name, over reloads too, and sent in its order as soon as it can be.
  const KEPT = 'unsent ' + location.pathname
  const OLDEST_MS = 3600e3, RETRY_MS = 4000, LOOK_MS = 10000, DRAW_MS = 2000, PATIENCE_MS = 15000
  const unsent = document.getElementById('unsent')
  let memory = [], busy = false
  const kept = () => { try { return [JSON.parse(localStorage.getItem(KEPT)) ?? memory].flat() } catch { return memory } }
  const keep = (all) => {
    memory = all
    try { all.length ? localStorage.setItem(KEPT, JSON.stringify(all)) : localStorage.removeItem(KEPT) } catch { /* Private windows keep nothing; memory does. */ }
  }
  const say = (text) => { if (unsent.textContent !== text) unsent.textContent = text }

  async function ask(options) {
    const answer = await fetch(location.pathname, { ...options, signal: AbortSignal.timeout(PATIENCE_MS) })
    return { status: answer.status, page: await answer.text() }
  }
  function show(page) {
    const main = document.querySelector('main')
    const next = new DOMParser().parseFromString(page, 'text/html').querySelector('main')
    if (!next) return
    // The graph goes on by itself: it stays the same, so that it is never blank.
    const graph = main.querySelector('.live'), other = graph && next.querySelector('.live'), here = document.createComment('')
    other?.replaceWith(here)
    main.replaceWith(next)
    if (other) here.replaceWith(graph)
  }
  // The next picture is asked for when the last one has come, so that on a bad line it keeps nothing else waiting.
  async function draw() {
    const graph = document.querySelector('.live')
    let pause = DRAW_MS
    if (graph && !document.hidden && !kept().length && !navigator.connection?.saveData) {
      const at = 'at=' + Date.now(), old = /at=\d+/, next = new Image()
      next.src = graph.lastElementChild.currentSrc.replace(old, at)
      try {
        await next.decode()
        for (const one of graph.children) for (const key of ['srcset', 'src']) if (one.hasAttribute(key)) one.setAttribute(key, one.getAttribute(key).replace(old, at))
      } catch { pause = LOOK_MS }
    }
    setTimeout(draw, pause)
  }
  async function send() {
    const [what] = kept()
    if (!what || busy) return
    if (Date.now() - what.at > OLDEST_MS) { keep(kept().slice(1)); say('It was never sent, and is too old now: look before you do it again.'); return }
    busy = true
    let sent = false
    try {
      const { status, page } = await ask({ method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: what.body })
      if (status >= 500) throw new Error(String(status))
      keep(kept().slice(1))
      sent = true
      show(page)
      if (kept().length === 0) say('')
    } catch {
      say('Not sent yet. It is kept, and sent as soon as there is a connection.')
    }
    busy = false
    if (sent) void send()
  }
  document.addEventListener('submit', (event) => {
    event.preventDefault()
    const body = new URLSearchParams(new FormData(event.target, event.submitter))
    keep([...kept(), { body: String(body), at: Date.now() }])
    say('Sending…')
    void send()
  })
  addEventListener('online', () => void send())
  setInterval(() => void send(), RETRY_MS)
  // How it stands by now, while somebody looks and types nothing.
  setInterval(async () => {
    if (document.hidden || kept().length || busy || document.activeElement?.matches('main *')) return
    try { const { status, page } = await ask({}); if (status === 200 && !kept().length) show(page) } catch { /* The next look will tell. */ }
  }, LOOK_MS)
  setTimeout(draw, DRAW_MS)
  void send()
})()
