// Clock and quotas: time, and what is counted by it.

import { ask, get } from './api.js'
import { chip, field, fill, h, head } from './dom.js'
import { fullTime, span } from './format.js'
import { quotaList } from './quotas.js'
import { tried } from './say.js'
import { whileShown } from './whileshown.js'

export const clock = { id: 'clock', title: 'Clock and quotas', make }

const steps = ['1s', '1m', '1h', '1d', '7d', '30d']

function make(place, feed) {
  let said
  let at = 0 // when it was said, by the browser's clock
  const time = h('time.big')
  const state = h('span')
  const by = h('input.mono', { placeholder: '1h30m', spellcheck: false, autocomplete: 'off' })
  const to = h('input.mono', { placeholder: '2026-01-01T00:00:00Z', spellcheck: false, autocomplete: 'off' })
  const wrong = h('p.wrong', { role: 'alert' })
  const here = h('button', { type: 'button', onclick: () => change('PUT', 'clock', { now: '+0s' }) }, 'Freeze here')
  const run = h('button', { type: 'button', onclick: () => change('DELETE', 'clock') }, 'Run with real time')
  const quotas = quotaList()

  fill(place,
    head('Clock', 'It rules all that KMS dates or counts: deletion windows, rotation, quotas. Signatures go by real time, so SDKs work however it stands.'),
    h('div.card.clockcard', {},
      h('div.now', {}, time, state, h('div.bar', {}, here, run)),
      form('Advance', () => change('POST', 'clock/advance', { by: by.value }), field('Advance by', by), h('div.bar.steps', {}, steps.map(step =>
        h('button.small', { type: 'button', 'aria-label': `Advance by ${step}`, onclick: () => change('POST', 'clock/advance', { by: step }) }, `+${step}`)))),
      form('Freeze there', () => change('PUT', 'clock', { now: to.value }), field('Or stand at a time', to), h('span.hint', {}, 'or a distance from now, like +8d or -30d')),
      wrong),
    quotas.element)

  async function change(method, path, body) {
    try {
      tell(await ask(method, path, body))
      fill(wrong)
      document.dispatchEvent(new Event('clock'))
      quotas.refresh()
    } catch (error) {
      fill(wrong, error.message)
    }
  }

  function tell(answer) {
    said = answer
    at = Date.now()
    const ahead = new Date(said.now) - at
    fill(state, said.frozen ? chip('frozen', 'warn') : chip('running', 'good'),
      Math.abs(ahead) > 2000 && h('span.hint', {}, ` ${span(ahead)} ${ahead > 0 ? 'ahead of' : 'behind'} real time`))
    here.disabled = said.frozen
    run.disabled = !said.frozen && Math.abs(ahead) <= 2000
    tick()
  }

  const tick = () => {
    if (!said) return
    const ran = said.frozen ? 0 : Date.now() - at
    const text = `${fullTime(new Date(new Date(said.now).getTime() + ran).toISOString())} UTC`
    if (time.textContent !== text) time.textContent = text
  }

  async function refresh() {
    const answer = await tried(() => get('clock'))
    if (answer) tell(answer)
    quotas.refresh()
  }

  setInterval(tick, 500)
  return whileShown(feed, refresh)
}

const form = (text, submit, label, more) => h('form', { onsubmit: event => { event.preventDefault(); submit() } },
  label, h('button', { type: 'submit' }, text), more)
