import { chip, fill, h } from './dom.js'
import { clockTime, milliseconds, statusKind, statusText, whatActed } from './format.js'

// most are the rows that are in the page at first, and as they come. Further ones
// are shown when asked for.
const most = 100

// Table is the list of calls, the latest first. Each row is opened by a button;
// the keyboard comes to one of them, and moves among them with the arrow keys.
// The event "released" says that nobody aims at a row any longer.
export class Table {
  // open is called with a call; all gives those there are to show.
  constructor(open, all) {
    this.open = open
    this.all = all
    this.rows = new Map() // by requestId, the oldest first
    this.body = h('tbody')
    this.more = h('button.plain', { type: 'button', onclick: () => this.set(this.shown + most) })
    this.shown = most
    this.element = h('div', { hidden: true },
      h('table', { 'aria-label': 'Calls, the latest first' }, columns(), this.body),
      h('div.older', {}, this.more))
    this.body.addEventListener('keydown', event => this.move(event))
    this.body.addEventListener('pointermove', () => this.aim())
    this.body.addEventListener('pointerleave', () => this.release())
    this.body.addEventListener('click', event => event.target.closest('tr')?.querySelector('button').click())
  }

  // aim notes that somebody moves over the rows to hit one: for a second they are not
  // to move away under the pointer.
  aim() {
    clearTimeout(this.aimed)
    this.aimed = setTimeout(() => this.release(), 1000)
  }

  release() {
    clearTimeout(this.aimed)
    this.aimed = undefined
    this.element.dispatchEvent(new Event('released'))
  }

  isAimedAt() { return this.aimed !== undefined }

  // set shows all calls anew, as many as shown.
  set(shown = most) {
    this.rows.clear()
    this.body.replaceChildren()
    this.shown = shown
    this.add(this.all())
  }

  // add shows calls above those there are, and lets go of rows at the end.
  add(calls) {
    const latest = calls.slice(-this.shown)
    const fragment = document.createDocumentFragment()
    for (const call of latest) {
      const row = this.row(call)
      this.rows.set(call.requestId, row)
      fragment.prepend(row)
    }
    this.body.prepend(fragment)
    for (const [requestId, row] of this.rows) {
      if (this.rows.size <= this.shown) break
      if (row.contains(document.activeElement)) continue
      row.remove()
      this.rows.delete(requestId)
    }
    this.choose(this.chosen)
  }

  // mark says how many calls there are, of all, besides those shown.
  mark(all) {
    const rest = all - this.rows.size
    this.more.hidden = rest <= 0
    fill(this.more, `Show older calls: ${rest.toLocaleString('en')} more`)
  }

  row(call) {
    const acted = whatActed(call)
    const button = h('button.open', {
      type: 'button', tabIndex: -1, 'aria-expanded': 'false', onclick: event => { event.stopPropagation(); this.open(call) },
    }, call.operation || '(no action)')
    return h('tr', { dataset: { id: call.requestId, kind: statusKind(call.status) } },
      h('td.time', {}, h('time', { title: call.time }, clockTime(call.time))),
      h('td', {}, chip(statusText(call.status), statusKind(call.status))),
      h('td.operation', {}, button, call.resend && chip('resent')),
      h('td.outcome', {}, call.code && h('span.code', {}, call.code), acted && chip(acted.name, 'fault', `decided by the ${acted.kind} ${acted.name}`)),
      h('td.key', { title: call.keyId }, call.keyId),
      h('td.caller', { title: call.accessKeyId }, call.accessKeyId || h('span.hint', {}, 'unsigned')),
      h('td.number.took', {}, milliseconds(call.milliseconds)))
  }

  // choose marks the call that is open, and gives the keyboard a way in: to it, or
  // to the latest.
  choose(requestId) {
    const mark = (row, on) => {
      row?.toggleAttribute('data-open', on)
      row?.querySelector('button').setAttribute('aria-expanded', on)
    }
    mark(this.rows.get(this.chosen), false)
    this.chosen = requestId
    const row = this.rows.get(requestId)
    mark(row, true)
    if (!this.body.contains(document.activeElement)) this.lead(row ?? this.body.firstElementChild)
  }

  // lead makes a row the one that the keyboard comes to.
  lead(row) {
    if (this.way) this.way.tabIndex = -1
    this.way = row?.querySelector('button')
    if (this.way) this.way.tabIndex = 0
  }

  focus(requestId) {
    this.lead(this.rows.get(requestId) ?? this.body.firstElementChild)
    this.way?.focus()
  }

  move(event) {
    const row = event.target.closest('tr')
    const to = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling, Home: this.body.firstElementChild, End: this.body.lastElementChild }[event.key]
    if (!to) return
    event.preventDefault()
    this.focus(to.dataset.id)
  }
}

const columns = () => h('thead', {}, h('tr', {},
  ...[['Time', 'time'], ['Status', ''], ['Operation', ''], ['Answer', 'outcome'], ['Key', 'key'], ['Caller', 'caller'], ['ms', 'number took']].map(([text, className]) =>
    h('th', { scope: 'col', className }, text))))
