import { h } from './dom.js'

// say tells in passing what was done, or what went wrong, with one thing to do
// about it. It goes by itself, unless who reads is at it.
export function say(message, action, act) {
  const place = document.querySelector('.said')
  if (place.textContent === `${message}${action ?? ''}`) return // said again while it stands there
  const line = h('div', {}, h('span', {}, String(message)))
  if (action) line.append(h('button', { type: 'button', onclick: () => { line.remove(); act() } }, action))
  place.replaceChildren(line)
  const leave = () => line.matches(':hover, :focus-within') ? setTimeout(leave, 1000) : line.remove()
  setTimeout(leave, 6000)
}

// tried does something and says what went wrong, if anything did.
export async function tried(work) {
  try {
    return await work()
  } catch (error) {
    say(error.message)
    if (error.problems === undefined) throw error
  }
}
