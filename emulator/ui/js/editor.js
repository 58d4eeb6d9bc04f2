import { fill, h } from './dom.js'

// Editor is a text area for YAML with the numbers of its lines, and with what
// alikms says of it in place: at the line, and as a list whose entries lead there.
// Ctrl+Enter, or Command+Enter, dispatches "save".
export class Editor {
  constructor(label, value = '') {
    this.area = h('textarea', { value, 'aria-label': label, spellcheck: false, autocapitalize: 'off', wrap: 'off' })
    this.lines = h('div.lines', { 'aria-hidden': 'true' })
    this.problems = h('ul.problems', { role: 'alert' })
    this.element = h('div.editor', {}, h('div.paper', {}, this.lines, this.area), this.problems)
    this.area.addEventListener('input', () => this.number())
    this.area.addEventListener('scroll', () => { this.lines.scrollTop = this.area.scrollTop })
    this.area.addEventListener('keydown', event => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) this.element.dispatchEvent(new Event('save'))
    })
    this.wrong = new Set()
    this.number()
  }

  get value() { return this.area.value }

  set value(text) {
    this.area.value = text
    this.show([])
  }

  // number writes the numbers beside the lines, if there are now others.
  number() {
    const count = this.area.value.split('\n').length
    if (count === this.numbered) return
    this.numbered = count
    fill(this.lines, numbers(count, this.wrong))
    this.area.rows = Math.min(Math.max(count + 1, 7), 32)
  }

  // show marks the places that problems tell of; none: nothing is wrong.
  show(unordered) {
    const problems = unordered.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
    this.wrong = new Set(problems.map(({ line }) => line))
    this.numbered = undefined
    this.number()
    this.area.setAttribute('aria-invalid', problems.length > 0)
    fill(this.problems, problems.map(problem => h('li', {}, this.place(problem), h('span', {}, problem.path && h('code', {}, `${problem.path}: `), problem.message))))
    if (problems[0]?.line) this.go(problems[0])
  }

  place(problem) {
    if (!problem.line) return null
    return h('button', { type: 'button', 'aria-label': `Go to line ${problem.line}, column ${problem.column}`, onclick: () => this.go(problem) }, `${problem.line}:${problem.column}`)
  }

  // go puts the cursor at a place.
  go({ line, column = 1 }) {
    const before = this.area.value.split('\n').slice(0, line - 1)
    const at = before.reduce((sum, text) => sum + text.length + 1, 0) + column - 1
    this.area.focus()
    this.area.setSelectionRange(at, at)
    this.area.scrollTop = Math.max(0, (line - 4) * 20)
  }
}

// numbers are the lines' numbers, a line each, as text: of a long scenario there are
// many. Those where something is wrong are elements.
function numbers(count, wrong) {
  const pieces = ['']
  for (let line = 1; line <= count; line++) {
    if (wrong.has(line)) pieces.push(h('span.bad', {}, String(line)), '')
    else pieces[pieces.length - 1] += `${line}\n`
  }
  return pieces
}
