import { ask, get, named } from './api.js'
import { chip, empty, fill, h, head } from './dom.js'
import { quotaExamples } from './examples.js'
import { counted } from './format.js'
import { body, ruleForm, source } from './ruleform.js'
import { matchText } from './rules.js'
import { say, tried } from './say.js'

// quotaList is the quotas in force, each with how full it is. {element, refresh}
export function quotaList() {
  let drawn
  let quotas = []
  const forms = h('div')
  const list = h('div.stack')
  const add = h('button', { type: 'button', onclick: () => fill(forms, ruleForm('quotas', { examples: quotaExamples }, close)) }, 'New quota')
  const element = h('section.quotas', {}, head('Quotas', 'A call passes when every quota that fits it has room. None is in force unless the scenario asks for it.', add), forms, list)

  const close = () => { fill(forms); refresh() }

  const act = {
    edit: quota => fill(forms, ruleForm('quotas', { name: quota.name, text: body(quota) }, close)),
    arm: quota => tried(async () => { await ask('PUT', named('quotas', quota.name), source(quota)); say(`${quota.name} counts from nothing`); refresh() }),
    remove: quota => tried(async () => {
      const before = quotas.map(source)
      await ask('DELETE', named('quotas', quota.name))
      say(`${quota.name} is removed`, 'Put back', () => tried(async () => { await ask('PUT', 'quotas', { quotas: before }); refresh() }))
      refresh()
    }),
  }

  async function refresh() {
    const answer = await tried(() => get('quotas'))
    if (!answer || drawn === JSON.stringify(answer)) return
    quotas = answer.quotas
    drawn = JSON.stringify(answer)
    const focus = document.activeElement?.dataset.focus
    fill(list, quotas.length === 0 ? nothing() : quotas.map(quota => card(quota, act)))
    if (focus) list.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus()
  }

  return { element, refresh }
}

function card(quota, act) {
  const { status } = quota
  const button = (text, name, kind = '') => h(`button.small${kind}`, { type: 'button', dataset: { focus: `${name} ${quota.name}` }, 'aria-label': `${text} ${quota.name}`, onclick: () => act[name](quota) }, text)
  const groups = quota.rate ? [[quota.rate, { rate: quota.rate, ...status }]] : Object.entries(status.groups ?? {})
  return h('article.card.rule', {},
    h('div.rule-head', {}, h('h2.mono', {}, quota.name), status.refused > 0 ? chip(`${status.refused.toLocaleString('en')} refused`, 'fault') : chip('holding', 'on'), h('span.grow'),
      h('div.bar', {}, button('Edit', 'edit'), button('Start over', 'arm'), button('Remove', 'remove', '.danger'))),
    h('p.match', {}, quota.profile && [h('span.hint', {}, 'profile '), h('code', {}, quota.profile), ' '], matchText(quota)),
    h('div.groups', {}, groups.map(([name, group]) => bar(name, group))),
    groups.length === 0 && h('p.hint', {}, `${counted(status.passed, 'record')} made, ${status.refused.toLocaleString('en')} refused`))
}

// bar is one group: how much of its window is taken, and what came of its calls.
function bar(name, { rate, used, passed, refused }) {
  const limit = Number.parseInt(rate, 10)
  const part = limit > 0 ? Math.min(1, used / limit) : 0
  const fillBar = h('span')
  fillBar.style.inlineSize = `${part * 100}%`
  return h('div.group', {},
    h('span.name', {}, name), h('span.hint', {}, rate === name ? '' : rate),
    h(part === 1 ? 'div.fill.full' : 'div.fill', { role: 'meter', 'aria-label': `${name}: used`, 'aria-valuemin': 0, 'aria-valuemax': limit, 'aria-valuenow': used, title: `${used} of ${limit}` }, fillBar),
    h('span.number', {}, `${used}/${limit}`),
    h('span.hint', {}, `${counted(passed, 'call')} passed, ${refused.toLocaleString('en')} refused`))
}

const nothing = () => empty('No quotas are in force', h('p', {}, 'Make one to see a client throttled; the profiles have the documented rates.'))
