import { ask, named, Refused } from './api.js'
import { Editor } from './editor.js'
import { field, h } from './dom.js'
import { say } from './say.js'
import { toYAML } from './yaml.js'

// ruleForm edits a fault or a quota: kind is "faults" or "quotas". A rule that has
// a name keeps it; a new one begins with one of the examples, {title, name, text}.
// done is called when it is saved, or given up.
export function ruleForm(kind, { name = '', text = '', examples = [] }, done) {
  const nameInput = h('input.mono', { value: name, readOnly: name !== '', required: true, spellcheck: false, autocomplete: 'off', maxLength: 63 })
  const editor = new Editor(name ? `The rule ${name} as YAML` : 'The new rule as YAML', text)
  const save = () => put(editor, done, named(kind, nameInput.value.trim()), nameInput)
  const begin = example => {
    editor.value = example.text
    if (!written) nameInput.value = example.name
  }
  let written = false
  nameInput.addEventListener('input', () => { written = nameInput.value !== '' })
  if (examples.length > 0) begin(examples[0])
  return form(kind, editor, save, done, field('Name', nameInput), examples.length > 0 && h('div.bar.examples', { role: 'group', 'aria-label': 'Begin with an example' },
    h('span.hint', {}, 'Begin with'), examples.map(example => h('button.small', { type: 'button', onclick: () => begin(example) }, example.title))))
}

// allForm edits the whole list, and so its order.
export function allForm(kind, list, done) {
  const editor = new Editor(`All ${kind} as YAML`, toYAML({ [kind]: list.map(source) }))
  return form(kind, editor, () => put(editor, done, kind), done,
    h('p.hint', {}, 'All of them, in their order. Saving puts these in the place of those there are, and each begins anew.'))
}

function form(kind, editor, save, done, ...above) {
  editor.element.addEventListener('save', save)
  const element = h('form.card.ruleform', { onsubmit: event => { event.preventDefault(); save() } },
    above, editor.element,
    h('div.bar', {}, h('button.main', { type: 'submit' }, 'Save'), h('button', { type: 'button', onclick: () => done() }, 'Cancel'),
      h('span.hint.keys', {}, 'Ctrl+Enter saves, Escape gives up')))
  element.addEventListener('keydown', event => {
    if (event.key === 'Escape') done()
  })
  queueMicrotask(() => element.querySelector('input:not([readonly]), textarea').focus())
  return element
}

async function put(editor, done, path, nameInput) {
  if (nameInput && nameInput.value.trim() === '') {
    nameInput.focus()
    return editor.show([{ message: 'The rule has no name: letters, digits, ".", "_" and "-", at most 63.' }])
  }
  try {
    await ask('PUT', path, editor.value)
    say('Saved; it begins anew')
    done()
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    editor.show(error.problems)
  }
}

// source is a rule as it was written: without its status, and its name where the
// form says it.
export const source = ({ status, ...rest }) => rest

export function body(rule) {
  const { name, ...rest } = source(rule)
  return toYAML(rest)
}
