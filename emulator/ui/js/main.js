// The page: its views, each a tab with a hash of its own, and what is at the top.

import { get } from './api.js'
import { calls } from './calls.js'
import { clock } from './clock.js'
import { h } from './dom.js'
import { Feed } from './feed.js'
import { fullTime, span } from './format.js'
import { keys } from './keys.js'
import { rules } from './rules.js'
import { scenario } from './scenario.js'
import { secrets } from './secrets.js'
import { trial } from './try.js'

const feed = new Feed()

// A view is {id, title, make}: make(place, feed) fills the place, and returns
// show(rest), called when its tab is chosen, with what the hash says after the
// view's name, as it is written there, and hide, or neither.
const views = [calls, rules, keys, secrets, clock, scenario, trial]
const tablist = document.querySelector('.tabs')
const main = document.querySelector('main')
let current

for (const view of views) {
  view.tab = h('a', { id: `tab-${view.id}`, href: `#${view.id}`, role: 'tab', 'aria-controls': `view-${view.id}`, 'aria-selected': 'false', tabIndex: -1 }, view.title)
  view.place = h('section.view', { id: `view-${view.id}`, role: 'tabpanel', 'aria-labelledby': view.tab.id, hidden: true })
  tablist.append(view.tab)
  main.append(view.place)
}

// choose shows the view that the hash names.
function choose() {
  const [, id, rest] = location.hash.match(/^#?([a-z]*)\/?([^]*)$/)
  const chosen = views.find(view => view.id === id) ?? views[0]
  if (current !== chosen) {
    current?.shown.hide?.()
    for (const view of views) {
      view.place.hidden = view !== chosen
      view.tab.ariaSelected = String(view === chosen)
      view.tab.tabIndex = view === chosen ? 0 : -1
    }
    current = chosen
    document.title = `${chosen.title} · alikms`
    chosen.tab.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }
  chosen.shown ??= chosen.make(chosen.place, feed) ?? {}
  chosen.shown.show?.(rest)
}

// Arrow keys move among the tabs, as in every list of tabs.
tablist.addEventListener('keydown', event => {
  const at = views.findIndex(view => view.tab === document.activeElement)
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: views.length - 1 }[event.key]
  if (to === undefined || at < 0) return
  event.preventDefault()
  const { tab, id } = views.at(to % views.length)
  location.hash = id
  tab.focus()
})

// "/" goes to the view's filter, where it has one, as on many pages.
document.addEventListener('keydown', event => {
  if (event.key !== '/' || event.target.closest('input, textarea, select')) return
  const filter = current?.place.querySelector('[type=search]')
  if (!filter) return
  event.preventDefault()
  filter.focus()
})

const link = document.querySelector('.link')
const linkTexts = { live: 'Live', lost: 'No connection', waiting: 'Waiting' }
feed.addEventListener('link', () => {
  link.className = `link ${feed.link}`
  link.textContent = linkTexts[feed.link]
})

// The clock at the top runs by itself, from what alikms last said of it.
const shownClock = document.querySelector('.clock')
let ahead = 0
let frozen

async function askClock() {
  const { now, frozen: stands } = await get('clock').catch(() => ({}))
  if (!now) return
  ahead = new Date(now) - Date.now()
  frozen = stands ? now : undefined
  shownClock.classList.toggle('frozen', stands)
  shownClock.classList.toggle('moved', !stands && Math.abs(ahead) > 2000)
  shownClock.title = stands ? 'The clock stands still' : Math.abs(ahead) > 2000 ? `The clock is ${span(ahead)} ${ahead > 0 ? 'ahead' : 'behind'}` : 'The clock runs with real time'
  tick()
}

function tick() {
  const time = shownClock.firstElementChild
  const text = `${fullTime(frozen ?? new Date(Date.now() + ahead).toISOString())} UTC`
  if (time.textContent !== text) time.textContent = text
}

setInterval(tick, 1000)
setInterval(() => { if (!document.hidden) askClock() }, 5000)
document.addEventListener('clock', askClock)
addEventListener('hashchange', choose)
askClock()
choose()
