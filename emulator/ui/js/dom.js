// Elements, made without markup: whatever text the server sends stays text.

// h makes an element: h('button.main', { onclick }, 'Save'). What is set with a
// dash, or as role or for, is an attribute; the rest are properties. Children
// are texts or elements; null, undefined and false are left out.
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split('.')
  const element = document.createElement(name)
  if (classes.length > 0) element.className = classes.join(' ')
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue
    if (key === 'dataset') Object.assign(element.dataset, value)
    else if (key.includes('-') || key === 'role' || key === 'for' || key === 'list') element.setAttribute(key, value)
    else element[key] = value
  }
  element.append(...present(children))
  return element
}

// fill puts children into an element in place of those it has.
export function fill(element, ...children) {
  element.replaceChildren(...present(children))
  return element
}

const present = children => children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false)

let made = 0

// newId is an id that no other element has, for labels.
export const newId = () => `e${++made}`

// field is a label over a control, with a hint below it. The control may be inside
// of what is shown for it.
export function field(label, control, hint, shown = control) {
  control.id ||= newId()
  const below = hint && h('span.hint', { id: newId() }, hint)
  if (below) control.setAttribute('aria-describedby', below.id)
  return h('div.field', {}, h('label', { for: control.id }, label), shown, below)
}

// options are what a select offers, from texts or pairs of value and text.
export const options = list => list.map(entry => {
  const [value, text] = Array.isArray(entry) ? entry : [entry, entry]
  return h('option', { value }, text)
})

// chip is a short mark. kind is good, warn, bad, fault, on or ''.
export const chip = (text, kind = '', title) => h(kind ? `span.chip.${kind}` : 'span.chip', { title }, text)

// facts is a list of names and what they are; a value that is none is left out.
export function facts(pairs) {
  const list = h('dl.facts')
  for (const [name, value] of pairs) {
    if (value === '' || value === false || value === null || value === undefined) continue
    list.append(h('dt', {}, name), h('dd', {}, value))
  }
  return list
}

// empty is what a view shows where it has nothing: what is missing, and what to do.
export const empty = (title, ...more) => h('div.empty', {}, h('strong', {}, title), more)

// head begins a view: its title, a sentence, and what can be done.
export const head = (title, sentence, ...actions) =>
  h('div.head', {}, h('div', {}, h('h1', {}, title), h('p', {}, sentence)), h('div.bar', {}, actions))
