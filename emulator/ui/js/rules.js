// Rules: the faults in force, in the order in which a call meets them.

import { ask, get, named } from './api.js'
import { chip, empty, fill, h, head } from './dom.js'
import { faultExamples } from './examples.js'
import { allForm, body, ruleForm, source } from './ruleform.js'
import { counted } from './format.js'
import { say, tried } from './say.js'
import { strip } from './strip.js'
import { whileShown } from './whileshown.js'

export const rules = { id: 'rules', title: 'Rules', make }

function make(place, feed) {
  let faults = []
  let wanted // the rule that the hash names
  const forms = h('div')
  const list = h('ol.rules')
  const none = h('div')
  const make = (examples = faultExamples) => open(ruleForm('faults', { examples }, close))
  const add = h('button.main', { type: 'button', onclick: () => make() }, 'New rule')
  const all = h('button', { type: 'button', onclick: () => open(allForm('faults', faults, close)) }, 'Edit all')
  const removeAll = h('button.danger', { type: 'button', onclick: () => tried(removeEvery) }, 'Remove all')
  fill(place, head('Rules', 'A call meets the first rule that fits it and is in force. Later ones neither see nor count it.', add, all, removeAll), forms, list, none)

  const open = form => { fill(none); fill(forms, form); form.scrollIntoView({ block: 'nearest' }) }
  const close = () => { fill(forms); refresh() }

  async function removeEvery() {
    const before = faults.map(source)
    await ask('DELETE', 'faults')
    say(`${counted(before.length, 'rule')} removed`, 'Put back', () => tried(async () => { await ask('PUT', 'faults', { faults: before }); refresh() }))
    refresh()
  }

  const act = {
    edit: rule => open(ruleForm('faults', { name: rule.name, text: body(rule) }, close)),
    arm: rule => tried(async () => { await ask('PUT', named('faults', rule.name), source(rule)); say(`${rule.name} begins anew`); refresh() }),
    remove: rule => tried(async () => {
      const before = faults.map(source)
      await ask('DELETE', named('faults', rule.name))
      say(`${rule.name} is removed`, 'Put back', () => tried(async () => { await ask('PUT', 'faults', { faults: before }); refresh() }))
      refresh()
    }),
  }

  async function refresh() {
    const answer = await tried(() => get('faults'))
    if (!answer) return
    faults = answer.faults
    const drawn = JSON.stringify(faults)
    if (drawn !== list.dataset.drawn) redraw(drawn)
    all.hidden = removeAll.hidden = faults.length === 0
    fill(none, faults.length === 0 && !forms.firstChild && nothing())
  }

  // redraw keeps the keyboard where it was.
  function redraw(drawn) {
    const focus = document.activeElement?.dataset.focus
    list.dataset.drawn = drawn
    fill(list, faults.map(rule => card(rule, act)))
    if (focus) list.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus()
    if (wanted) reveal()
  }

  function reveal() {
    const found = list.querySelector(`[data-rule="${CSS.escape(wanted)}"]`)
    found?.scrollIntoView({ block: 'center' })
    found?.focus()
    wanted = undefined
  }

  const nothing = () => empty('No rules are in force', h('p', {}, 'A rule makes calls fail, wait or lose their answer. Begin with an example:'),
    h('div.bar', {}, faultExamples.slice(0, 4).map(example => h('button', { type: 'button', onclick: () => make([example]) }, example.title))))

  const shown = whileShown(feed, refresh)
  return {
    show: name => {
      wanted = name || undefined
      shown.show()
      if (wanted && list.firstChild) reveal()
    },
    hide: shown.hide,
  }
}

function card(rule, act) {
  const { status } = rule
  const button = (text, name, kind = '') => h(`button.small${kind}`, { type: 'button', dataset: { focus: `${name} ${rule.name}` }, onclick: () => act[name](rule), 'aria-label': `${text} ${rule.name}` }, text)
  return h('li.card.rule', { dataset: { rule: rule.name }, tabIndex: -1 },
    h('div.rule-head', {}, h('h2.mono', {}, rule.name), state(rule), h('span.grow'),
      h('div.bar', {}, button('Edit', 'edit'), button('Re-arm', 'arm'), button('Remove', 'remove', '.danger'))),
    h('p.match', {}, matchText(rule)),
    strip(rule),
    h('p.hint', {}, `${counted(status.hits, 'hit')} of ${counted(status.calls, 'call')} it decided`),
    notes(rule))
}

function state({ status }) {
  if (status.spent) return chip('spent', 'warn', 'Its script is over: calls pass. Re-arm it to begin anew')
  return status.hits > 0 ? chip('acting', 'fault') : chip('armed', 'on')
}

// matchText says which calls a rule fits.
export function matchText({ match = {}, from, until }) {
  const fields = Object.entries(match).map(([name, value]) => [h('span.hint', {}, `${name} `), h('code', {}, [value].flat().join(' | ')), ' '])
  return [
    fields.length > 0 ? fields : h('span.hint', {}, 'every call'),
    from && [h('span.hint', {}, ' from '), h('code', {}, from)], until && [h('span.hint', {}, ' until '), h('code', {}, until)],
  ]
}

// notes say why a rule has not acted: the nearest miss, and who takes its calls.
function notes({ status }) {
  const { nearest, shadowedBy } = status
  return [
    shadowedBy && h('p.note', {}, 'Its calls are all taken by ', h('a', { href: `#rules/${shadowedBy}` }, shadowedBy), ', which is earlier.'),
    nearest && h('p.note', {}, 'The ', h('a', { href: `#calls/${nearest.requestId}` }, 'nearest call'), `: ${nearest.why}.`),
  ]
}
