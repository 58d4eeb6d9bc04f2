import { h } from './dom.js'
import { say } from './say.js'

// copy puts a text on the clipboard. Pages at a name other than localhost, over
// plain HTTP, are not given the clipboard: there the text is selected and copied.
export async function copy(text, what = 'Copied') {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    if (!copySelected(text)) return say('The browser does not let this page copy: select the text instead')
  }
  say(what)
}

function copySelected(text) {
  const before = document.activeElement
  const area = h('textarea', { value: text, 'aria-hidden': 'true' })
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  before?.focus()
  return done
}

// copyButton copies what a function gives at the moment of the click.
export const copyButton = (text, label = 'Copy', what = 'Copied') =>
  h('button.small', { type: 'button', onclick: async () => copy(await text(), what) }, label)

// command is a line for a shell, with a button that copies it.
export const command = line => h('div.command', {}, h('code', {}, line), copyButton(() => line))

// download gives a text as a file to keep.
export function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  h('a', { href: address, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
