// Try a call: a form for each operation, its answer, and the same call as a program.

import { ask, get, Refused } from './api.js'
import { answerOf, refusalOf } from './tryanswer.js'
import { Form } from './tryform.js'
import { Sample } from './trysample.js'
import { fill, h, head } from './dom.js'
import { tried } from './say.js'
import { trialOf } from './trialhash.js'

export const trial = { id: 'try', title: 'Try a call', make }

function make(place) {
  const known = {} // operations, keys and callers, as they were last asked for
  const filter = h('input', { type: 'search', placeholder: 'Find an operation', 'aria-label': 'Find an operation', autocomplete: 'off', spellcheck: false, oninput: () => listOperations() })
  const list = h('ul.operations')
  const middle = h('div.middle')
  const answer = h('section.card.pad.answer', { 'aria-label': 'Answer', 'aria-live': 'polite' })
  const sample = new Sample()
  const right = h('div.right', {}, answer, sample.element)
  let form

  fill(place, head('Try a call', 'Without signing by hand: run it here as any caller, then take it along as a program.'),
    h('div.trial', {}, h('nav.card.finder', { 'aria-label': 'Operations' }, filter, list), middle, right))

  function listOperations() {
    const wanted = filter.value.toLowerCase()
    const fitting = known.operations.filter(({ name, summary }) => `${name} ${summary}`.toLowerCase().includes(wanted))
    fill(list, fitting.map(({ name, summary }) => h('li', {},
      h('a', { href: `#try/${name}`, title: summary, 'aria-current': name === form?.operation.name ? 'page' : undefined }, name))))
    if (fitting.length === 0) fill(list, h('li.hint', {}, 'No operation is called so.'))
  }

  filter.addEventListener('keydown', event => {
    const first = list.querySelector('a')
    if (event.key === 'Enter' && first) { first.click(); event.preventDefault() }
  })

  // learn asks for the operations, once, and for what the form suggests.
  async function learn() {
    known.operations ??= (await get('operations')).operations
    const [{ keys }, { secrets }, { credentials = [] }] = await Promise.all([
      get('keys').catch(() => ({ keys: [] })), get('secrets').catch(() => ({ secrets: [] })), get('scenario').catch(() => ({})),
    ])
    Object.assign(known, { keys, secrets, callers: credentials.map(({ accessKeyId }) => accessKeyId) })
  }

  function choose(operation, { parameters, caller }) {
    form = new Form(operation, known)
    form.element.addEventListener('run', run)
    form.element.addEventListener('changed', () => sample.show(form))
    form.set(parameters, caller || known.callers[0])
    fill(middle, form.element)
    fill(answer, h('h2', {}, 'Answer'), h('p.hint', {}, 'Run the call to see what KMS answers.'))
    sample.show(form)
    listOperations()
    list.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' })
  }

  async function run() {
    const { operation } = form
    const call = { operation: operation.name, parameters: form.parameters(), accessKeyId: form.caller() }
    form.busy(true)
    try {
      const given = await ask('POST', 'try', call)
      fill(answer, answerOf(given, call))
      form.mark([])
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      fill(answer, refusalOf(error))
      form.mark(error.problems)
    } finally {
      form.busy(false)
    }
  }

  // show opens an operation: the one of the hash, else the one that is open, else
  // the first that encrypts.
  async function show(rest) {
    if (await tried(async () => { await learn(); return true }) !== true) return
    const wanted = trialOf(rest)
    if (form && (!wanted.operation || (wanted.operation === form.operation.name && Object.keys(wanted.parameters).length === 0))) return form.know(known)
    const operation = known.operations.find(({ name }) => name === wanted.operation)
    if (wanted.operation && !operation) {
      fill(middle, h('div.card.pad', {}, h('p.wrong', { role: 'alert' }, `alikms does not emulate ${wanted.operation}.`)))
      return listOperations()
    }
    choose(operation ?? known.operations.find(({ name }) => name === 'Encrypt') ?? known.operations[0], wanted)
  }

  return { show }
}
