// Calls: what clients send, as it comes.

import { ask } from './api.js'
import { Detail } from './calldetail.js'
import { filterOf } from './callfilter.js'
import { Table } from './calltable.js'
import { command } from './clipboard.js'
import { empty, fill, h } from './dom.js'
import { endpoint } from './endpoint.js'
import { counted } from './format.js'
import { tried } from './say.js'

export const calls = { id: 'calls', title: 'Calls', make }

function make(place, feed) {
  let fits = () => true
  let paused = false
  let held = [] // that came while the list stands still

  const filter = h('input.mono', {
    type: 'search', placeholder: 'Filter: Encrypt  status:5  fault:first  -ListKeys', 'aria-label': 'Filter of the calls', spellcheck: false, autocomplete: 'off',
    title: 'Words, or name:value with operation, key, caller, status, code, fault, quota, gateway; a dash in front leaves out',
  })
  const pause = h('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause')
  const clear = h('button', { type: 'button' }, 'Clear')
  const count = h('span.hint', { role: 'status' })
  const none = h('div')
  const detail = new Detail(feed)
  const table = new Table(call => { location.hash = `calls/${call.requestId}` }, () => feed.calls.filter(fits))
  const list = h('div.card.calls', {}, table.element, none)
  fill(place,
    h('h1.away', {}, 'Calls'),
    h('div.bar.tools', {}, h('div.grow', {}, filter), count, pause, clear),
    h('div.split', {}, list, detail.element))

  // stands reports whether the list is to be left as it is.
  const stands = () => paused || table.isAimedAt()

  const show = () => {
    const all = table.all()
    table.element.hidden = all.length === 0
    if (held.length === 0) table.mark(all.length)
    showNothing(all.length > 0 ? '' : feed.calls.length > 0 ? 'fits' : 'yet')
    const waiting = held.length > 0 && ` · ${held.length.toLocaleString('en')} new`
    const missed = feed.missed > 0 && ` · ${feed.missed.toLocaleString('en')} not shown, they came too fast`
    fill(count, `${counted(all.length, 'call')}${filter.value.trim() ? ` of ${feed.calls.length.toLocaleString('en')}` : ''}`, waiting, missed)
  }

  // showNothing says why the list is empty, once.
  let said = ''
  const showNothing = why => {
    if (why === said) return
    said = why
    fill(none, why === 'fits' && nothingFits(), why === 'yet' && nothingYet())
  }

  const flush = () => {
    table.add(held)
    held = []
    show()
  }

  const redraw = () => {
    held = []
    table.set()
    show()
  }

  const nothingFits = () => empty('No call fits this filter', h('button', { type: 'button', onclick: () => { filter.value = ''; refilter() } }, 'Show all calls'))

  const refilter = () => { fits = filterOf(filter.value); redraw() }

  filter.addEventListener('input', refilter)
  pause.addEventListener('click', () => {
    paused = !paused
    pause.ariaPressed = String(paused)
    pause.textContent = paused ? 'Go on' : 'Pause'
    if (!paused) flush()
  })
  clear.addEventListener('click', () => tried(async () => {
    await ask('DELETE', 'requests')
    feed.empty()
  }))
  table.element.addEventListener('released', () => { if (!stands()) flush() })
  feed.addEventListener('calls', ({ detail: fresh }) => {
    if (feed.calls.length === 0) return redraw()
    held = held.concat(fresh.filter(fits)).slice(-feed.limit)
    if (stands()) show()
    else flush()
  })
  detail.element.addEventListener('closed', () => { location.hash = 'calls'; table.focus(detail.requestId) })

  redraw()
  return {
    show: requestId => {
      table.choose(requestId)
      detail.show(requestId)
    },
  }
}

function nothingYet() {
  const address = h('code')
  const example = h('div')
  endpoint().then(url => {
    fill(address, new URL(url).host)
    fill(example, command(`curl -s ${url} -d Action=ListKeys`))
  })
  return empty('No calls yet',
    h('p', {}, 'Every call of a client shows here the moment it is answered. Point an SDK at ', address, ', or try:'), example,
    h('p', {}, 'Or make one here: ', h('a', { href: '#try' }, 'try a call'), '.'))
}
