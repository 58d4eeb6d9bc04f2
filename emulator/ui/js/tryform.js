import { field, fill, h, newId } from './dom.js'
import { controlFor, valueOf } from './trycontrol.js'
import { exampleOf } from './tryexample.js'

// offered are the keys, and the secrets, that a field suggests.
const offered = 500

// Form is the form of an operation, made from its description. It dispatches "run"
// and, when a value is another, "changed".
export class Form {
  constructor(operation, known) {
    this.operation = operation
    this.known = known
    this.controls = new Map() // by name, each {element, value(), set(text)}
    this.lists = { keys: h('datalist', { id: newId() }), versions: h('datalist', { id: newId() }), callers: h('datalist', { id: newId() }), secrets: h('datalist', { id: newId() }) }
    this.who = h('input.mono', { list: this.lists.callers.id, placeholder: 'nobody in particular', autocomplete: 'off', spellcheck: false })
    this.submit = h('button.main', { type: 'submit' }, 'Run')
    this.element = h('form.card.pad.tryform', { noValidate: true, onsubmit: event => { event.preventDefault(); this.tell('run') }, oninput: () => this.changed() })
    this.draw()
    this.know(known)
  }

  draw() {
    const { details } = this.operation
    const emulated = details.filter(({ notEmulated }) => !notEmulated)
    const refused = details.filter(({ notEmulated }) => notEmulated).map(({ name }) => name)
    const fields = list => list.map(parameter => this.field(parameter))
    const optional = emulated.filter(({ required }) => !required)
    fill(this.element,
      h('div.bar', {}, h('h2', {}, this.operation.name), h('span.grow'), h('button.small', { type: 'button', onclick: () => this.example() }, 'Fill in an example')),
      h('p.hint', {}, this.operation.summary),
      fields(emulated.filter(({ required }) => required)),
      optional.length > 0 && h('details.optional', { open: optional.length < 5 }, h('summary', {}, `Optional: ${optional.map(({ name }) => name).join(', ')}`), h('div.fields', {}, fields(optional))),
      emulated.length === 0 && h('p.hint', {}, 'It has no parameters.'),
      refused.length > 0 && h('p.hint', {}, `Not emulated: ${refused.join(', ')}`),
      field('Caller', this.who, 'An AccessKeyId. Nobody has to sign here; policies hold as they would.'),
      h('div.bar', {}, this.submit), Object.values(this.lists))
  }

  field(parameter) {
    const control = controlFor(parameter, this.lists)
    this.controls.set(parameter.name, control)
    control.wrong = h('span.wrong', { role: 'alert' })
    const element = control.group
      ? h('fieldset', {}, h('legend', {}, parameter.name), control.element)
      : field(parameter.name, control.element, hintOf(parameter), control.wrapped)
    element.append(control.wrong)
    return element
  }

  // know offers the keys and callers there are now.
  know(known) {
    this.known = known
    fill(this.lists.keys, known.keys.slice(0, offered).flatMap(({ keyId, aliases, keySpec }) => [keyId, ...aliases].map(value => h('option', { value }, keySpec))))
    fill(this.lists.secrets, known.secrets.slice(0, offered).map(({ secretName }) => h('option', { value: secretName })))
    fill(this.lists.callers, known.callers.map(value => h('option', { value })))
    this.knowVersions()
  }

  knowVersions() {
    const name = this.controls.get('KeyId')?.value()
    const key = this.known.keys.find(({ keyId, aliases }) => keyId === name || aliases.includes(name))
    fill(this.lists.versions, (key?.versions ?? []).map(({ keyVersionId }) => h('option', { value: keyVersionId })))
  }

  changed() {
    this.knowVersions()
    this.tell('changed')
  }

  tell(event) { this.element.dispatchEvent(new Event(event)) }

  example() {
    this.set(exampleOf(this.operation, this.known))
    this.tell('changed')
  }

  // set writes values into the form, by the names of the wire.
  set(parameters, caller) {
    if (caller) this.who.value = caller
    for (const [name, control] of this.controls) {
      const text = valueOf(name, parameters)
      if (text !== undefined) control.set(text)
    }
    const optional = this.element.querySelector('details.optional')
    if (optional && [...optional.querySelectorAll('input, select, textarea')].some(({ value }) => value)) optional.open = true
    this.knowVersions()
  }

  // parameters are what is to be sent.
  parameters() {
    const all = {}
    for (const control of this.controls.values()) Object.assign(all, control.sent())
    return all
  }

  // lacking are the required parameters that have no value.
  lacking() {
    const sent = Object.keys(this.parameters())
    return this.operation.details.filter(({ name, required, empty }) => required && !empty && !sent.some(wire => wire === name || wire.startsWith(`${name}.`))).map(({ name }) => name)
  }

  caller() { return this.who.value.trim() }

  busy(on) { this.submit.disabled = on }

  // mark writes what is wrong beside the parameters that it is about.
  mark(problems) {
    for (const [name, { wrong, element }] of this.controls) {
      const of = problems.filter(({ path = '' }) => path.replace(/^parameters\./, '').split('.')[0] === name)
      fill(wrong, of.map(({ message }) => message).join('; '))
      element.setAttribute('aria-invalid', of.length > 0)
    }
  }
}

// hintOf says what a value may be.
function hintOf({ type, min, max, default: fallback, names }) {
  const parts = []
  if (names) parts.push(names.map(name => ({ id: 'a key id', alias: 'an alias', arn: 'an ARN' })[name] ?? name).join(', '))
  if (type === 'integer') parts.push(max === undefined ? `at least ${min ?? 0}` : `${min ?? 0} to ${max}`)
  if (type === 'string' && max !== undefined) parts.push(`at most ${max} characters`)
  if (type === 'json') parts.push('JSON')
  if (fallback) parts.push(`left out: ${fallback}`)
  return parts.join('; ')
}
