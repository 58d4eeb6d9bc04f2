import { file, Refused } from './api.js'
import { copyButton, download } from './clipboard.js'
import { fill, h } from './dom.js'

// The clients there are programs for.
const sdks = [
  ['go', 'Go'], ['go-classic', 'Go, classic'], ['java', 'Java'], ['java-classic', 'Java, classic'],
  ['python', 'Python'], ['python-classic', 'Python, classic'], ['node', 'Node'], ['cli', 'CLI'], ['curl', 'curl'],
]

// Sample shows a call of a form as a program, for one client at a time.
export class Sample {
  constructor() {
    this.sdk = localStorage.getItem('sdk') ?? 'go'
    this.code = h('pre.code', { tabIndex: 0, 'aria-label': 'Sample code' })
    this.take = h('div.bar', { hidden: true }, copyButton(() => this.program.text, 'Copy', 'The program is copied'),
      h('button.small', { type: 'button', onclick: () => download(this.program.name, this.program.text) }, 'Download'))
    this.tabs = h('div.sdks', { role: 'tablist', 'aria-label': 'Client' }, sdks.map(([sdk, title]) =>
      h('button.plain', { type: 'button', role: 'tab', dataset: { sdk }, onclick: () => this.choose(sdk) }, title)))
    this.tabs.addEventListener('keydown', event => this.move(event))
    this.element = h('section.card.pad.sample', { 'aria-label': 'Sample code' },
      h('div.bar', {}, h('h2', {}, 'The same call as a program'), h('span.grow'), this.take),
      this.tabs, this.code)
    this.mark()
  }

  mark() {
    for (const tab of this.tabs.children) {
      tab.ariaSelected = String(tab.dataset.sdk === this.sdk)
      tab.tabIndex = tab.dataset.sdk === this.sdk ? 0 : -1
    }
  }

  choose(sdk) {
    this.sdk = sdk
    localStorage.setItem('sdk', sdk)
    this.mark()
    this.load()
  }

  move({ key, target }) {
    const to = { ArrowRight: target.nextElementSibling ?? this.tabs.firstElementChild, ArrowLeft: target.previousElementSibling ?? this.tabs.lastElementChild }[key]
    if (!to) return
    this.choose(to.dataset.sdk)
    to.focus()
  }

  // show shows the call as it stands in the form, soon after the last change.
  show(form) {
    this.form = form
    clearTimeout(this.soon)
    this.soon = setTimeout(() => this.load(), 150)
  }

  async load() {
    const { form, sdk } = this
    if (!form) return
    const lacking = form.lacking()
    if (lacking.length > 0) return this.lack(`Fill in ${lacking.join(', ')}, and the program shows here.`)
    const query = new URLSearchParams({ sdk, operation: form.operation.name, ...form.parameters() })
    try {
      const program = await file(`sample?${query}`)
      if (this.form !== form || this.sdk !== sdk) return
      this.program = program
      this.take.hidden = false
      this.code.className = 'code'
      this.code.dataset.sdk = sdk
      fill(this.code, program.text)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.lack(error.problems.map(({ path, message }) => path ? `${path}: ${message}` : message).join('\n'))
    }
  }

  // lack says why there is no program.
  lack(why) {
    this.take.hidden = true
    this.code.className = 'code wrap hint'
    fill(this.code, why)
  }
}
