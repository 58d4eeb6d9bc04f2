// Feed holds the latest calls of the journal and follows it. It tells of new ones
// with an event "calls", and of the connection with "link". Of many calls it tells
// at once, and then rests for as long as leaves most of the time to who uses the
// page. While the page is hidden it lets go of the stream: a browser gives a host
// few connections.
export class Feed extends EventTarget {
  constructor(limit = 1000) {
    super()
    this.limit = limit
    this.calls = [] // the oldest first, at most limit
    this.missed = 0 // that neither this page nor the journal has
    this.link = 'waiting'
    this.fresh = []
    this.known = new Set()
    this.next = 0 // when it may tell again
    document.addEventListener('visibilitychange', () => document.hidden ? this.close() : this.open())
    this.open()
  }

  open() {
    this.close()
    // With the latest of the journal first, none is missed in between.
    this.source = new EventSource(`/_emulator/requests/stream?limit=${this.limit}`)
    this.source.addEventListener('open', () => this.become('live'))
    this.source.addEventListener('error', () => this.become('lost'))
    this.source.addEventListener('request', ({ data }) => this.take(JSON.parse(data)))
    this.source.addEventListener('dropped', ({ data }) => { this.missed += Number(data); this.plan() })
  }

  close() {
    this.source?.close()
    this.become('waiting')
  }

  become(link) {
    this.link = link
    this.dispatchEvent(new Event('link'))
  }

  // take keeps a call until the next frame. Where there are no frames, as of a window
  // that is covered, only the latest are kept.
  take(call) {
    this.fresh.push(call)
    if (this.fresh.length > 2 * this.limit) this.fresh = this.fresh.slice(-this.limit)
    this.plan()
  }

  plan() {
    this.planned ??= setTimeout(() => requestAnimationFrame(() => this.tell()), Math.max(0, this.next - performance.now()))
  }

  tell() {
    this.planned = undefined
    const began = performance.now()
    const calls = this.fresh.slice(-this.limit).filter(({ requestId }) => !this.known.has(requestId))
    this.fresh = []
    for (const { requestId } of calls) this.known.add(requestId)
    this.calls = this.calls.concat(calls).slice(-this.limit)
    this.forget()
    this.next = began + 1000 // until it is known how long it took, with what the browser draws
    setTimeout(() => { this.next = performance.now() + Math.min(1000, Math.max(100, 4 * (performance.now() - began))) })
    this.dispatchEvent(new CustomEvent('calls', { detail: calls }))
  }

  // forget keeps the set of what is known small. A call that is out of the list comes
  // again only when the stream begins anew, and then it is one of the latest.
  forget() {
    if (this.known.size > 4 * this.limit) this.known = new Set(this.calls.map(call => call.requestId))
  }

  // empty forgets all calls; the journal is emptied by who calls this.
  empty() {
    this.calls = []
    this.fresh = []
    this.missed = 0
    this.dispatchEvent(new CustomEvent('calls', { detail: [] }))
  }

  // find is a call of the list, by its id.
  find(requestId) {
    return this.calls.find(call => call.requestId === requestId)
  }
}
