// Scenario: what resets return to; load another, keep it as a file, reset.

import { ask, Refused, text } from './api.js'
import { copyButton, download } from './clipboard.js'
import { Editor } from './editor.js'
import { fill, h, head } from './dom.js'
import { scenarioOf } from './inline.js'
import { say, tried } from './say.js'
import { toYAML } from './yaml.js'

export const scenario = { id: 'scenario', title: 'Scenario', make }

function make(place) {
  let inForce // as it was last shown, unedited
  const editor = new Editor('The scenario as YAML')
  const state = h('span.hint', { role: 'status' })
  const files = h('input', { type: 'file', multiple: true, hidden: true, accept: '.yaml,.yml,.json,.pem,.key,.txt', onchange: () => take([...files.files]) })
  const choose = h('button', { type: 'button', onclick: () => files.click() }, 'Open files …')
  const put = h('button.main', { type: 'button', onclick: () => load() }, 'Put in force')
  const back = h('button', { type: 'button', onclick: () => show() }, 'Discard changes')
  const reset = h('button', { type: 'button', onclick: () => tried(doReset) }, 'Reset')
  const exported = h('button', { type: 'button', onclick: () => tried(async () => download('alikms-export.yaml', await text('GET', 'export'))) }, 'Download all there is')

  fill(place,
    head('Scenario', 'What alikms was arranged with, as it was written. A reset returns to it: keys, rules, clock and callers; calls are forgotten.', reset),
    h('div.card.pad.drop', {},
      h('div.bar', {}, choose, files, h('span.hint.droptext', {}, 'or drop a scenario here, with the key files that it names'), h('span.grow'), state),
      editor.element,
      h('div.bar', {}, put, back, h('span.grow'), copyButton(() => editor.value), h('button.small', { type: 'button', onclick: () => download('scenario.yaml', editor.value) }, 'Download'))),
    h('div.card.pad.aside', {}, h('h2', {}, 'Keep what happened'),
      h('p', {}, 'An export makes an empty alikms behave as this one does now: with keys made by calls, and private keys. They are test keys; keep them so.'),
      h('div.bar', {}, exported)))

  editor.area.addEventListener('input', mark)
  editor.element.addEventListener('save', load)
  const drop = place.querySelector('.drop')
  drop.addEventListener('dragover', event => { event.preventDefault(); drop.classList.add('over') })
  drop.addEventListener('dragleave', () => drop.classList.remove('over'))
  drop.addEventListener('drop', event => { event.preventDefault(); drop.classList.remove('over'); take([...event.dataTransfer.files]) })

  function mark() {
    const changed = editor.value !== inForce
    back.disabled = put.disabled = !changed
    fill(state, changed ? 'not in force yet' : 'in force')
  }

  async function take(chosen) {
    files.value = ''
    try {
      const { name, text: read } = await scenarioOf(chosen)
      editor.value = read
      mark()
      say(`${name} is read; put it in force`)
      put.focus()
    } catch (error) {
      say(error.message)
    }
  }

  async function show() {
    const written = await tried(() => text('GET', 'scenario'))
    if (written === undefined) return
    inForce = asYAML(written)
    editor.value = inForce
    mark()
  }

  async function load() {
    if (put.disabled) return
    try {
      await text('PUT', 'scenario', editor.value)
      inForce = editor.value
      editor.show([])
      mark()
      say('The scenario is in force, and resets return to it')
      document.dispatchEvent(new Event('clock'))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      editor.show(error.problems)
    }
  }

  async function doReset() {
    await ask('POST', 'reset')
    say('All is as the scenario says, and the journal is empty')
    document.dispatchEvent(new Event('clock'))
  }

  return { show: () => { if (inForce === undefined || editor.value === inForce) return show() } }
}

// asYAML writes an answer, which may be JSON, as people write scenarios.
function asYAML(written) {
  try {
    return toYAML(JSON.parse(written))
  } catch {
    return written
  }
}
