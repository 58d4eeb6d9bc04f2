// What a parameter is written into. A control is {element, value, set, sent}:
// value and set are of the text as on the wire, sent is what of it is sent.

import { fill, h, options } from './dom.js'

export function controlFor(parameter, lists) {
  const { type, oneOf } = parameter
  if (type === 'list') return listControl(parameter, lists)
  if (type === 'bytes') return bytesControl(parameter)
  const element = oneOf?.length > 0 || type === 'boolean' ? choice(parameter) : line(parameter, lists)
  return single(parameter, element, () => element.value, text => { element.value = text })
}

// single is a control of one text. An empty one is not sent, unless it has to be.
const single = ({ name, empty }, element, value, set) => ({ element, value, set, sent: () => value() === '' && !empty ? {} : { [name]: value() } })

function choice({ oneOf, type, default: fallback }) {
  const values = type === 'boolean' && !oneOf?.length ? ['true', 'false'] : oneOf
  return h('select', {}, h('option', { value: '' }, fallback ? `left out (${fallback})` : 'left out'), options(values))
}

// long are texts that may have several lines.
const long = ({ name, type, max }) => type === 'json' || type === 'string' && (max > 512 || /Plaintext|Token|SecretData$/.test(name))

function line(parameter, lists) {
  const { name, type, names } = parameter
  if (long(parameter)) return h('textarea', { rows: type === 'json' ? 3 : 2, spellcheck: false })
  const list = names ? lists.keys : { KeyVersionId: lists.versions, SecretName: lists.secrets, EncryptionKeyId: lists.keys }[name]
  return h('input.mono', { list: list?.id, inputMode: type === 'integer' ? 'numeric' : undefined, autocomplete: 'off', spellcheck: false })
}

// bytesControl takes base64, as on the wire, or a text of which it makes base64.
function bytesControl(parameter) {
  const { name } = parameter
  const area = h('textarea', { rows: 2, spellcheck: false })
  const how = h('select', { 'aria-label': `How ${name} is written` }, options([['base64', 'base64'], ['text', 'text']]))
  const element = h('div.bytes', {}, area, how)
  const value = () => how.value === 'text' ? base64(area.value) : area.value.trim()
  how.addEventListener('change', () => { area.value = how.value === 'text' ? textOf(area.value) ?? area.value : base64(area.value) })
  const control = single(parameter, area, value, text => { how.value = 'base64'; area.value = text })
  return { ...control, wrapped: element }
}

export const base64 = text => btoa(Array.from(new TextEncoder().encode(text), byte => String.fromCharCode(byte)).join(''))

// textOf is the text that base64 stands for; undefined: it is none.
export function textOf(encoded) {
  try {
    const bytes = Uint8Array.from(atob(encoded), c => c.charCodeAt(0))
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return /[^\P{C}\n\r\t]/u.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

// listControl is a list that is sent as NAME.1, NAME.2 …, or as NAME.1.FIELD.
function listControl({ name, elements, max = 100 }, lists) {
  const rows = h('div.rows')
  const controls = []
  const add = () => {
    const row = elements.map(element => ({ field: element.name, ...controlFor({ ...element, name: element.name || name }, lists) }))
    const line = h('div.row', {}, row.map(({ field, element }) => { element.ariaLabel = `${name} ${controls.length + 1} ${field}`.trim(); element.placeholder = field || name; return element }))
    controls.push(row)
    rows.append(line)
    more.disabled = controls.length >= max
  }
  const more = h('button.small', { type: 'button', onclick: () => { add(); rows.lastChild.querySelector('input, select, textarea').focus() } }, 'Add')
  const each = visit => controls.forEach((row, i) => row.forEach(control => visit(control, control.field ? `${name}.${i + 1}.${control.field}` : `${name}.${i + 1}`)))
  add()
  return {
    group: true,
    element: h('div.list', {}, rows, more),
    value: () => '',
    sent: () => {
      const all = {}
      each((control, wire) => { if (control.value() !== '') all[wire] = control.value() })
      return all
    },
    set: values => {
      fill(rows)
      controls.length = 0
      const count = Math.max(1, ...Object.keys(values).map(wire => Number(wire.split('.')[1])))
      for (let i = 0; i < Math.min(count, max); i++) add()
      each((control, wire) => control.set(values[wire] ?? ''))
    },
  }
}

// valueOf is what is given for a parameter: its text, or, of a list, all that
// begins with its name; undefined: nothing.
export function valueOf(name, parameters) {
  if (parameters[name] !== undefined) return parameters[name]
  const numbered = Object.entries(parameters).filter(([wire]) => new RegExp(`^${name}\\.\\d+`).test(wire))
  return numbered.length > 0 ? Object.fromEntries(numbered) : undefined
}
