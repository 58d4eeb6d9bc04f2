// The script of a fault, as a strip of its steps with the place it has come to.

import { h } from './dom.js'

const mostCells = 16

// strip draws a fault, from the rule as it was written and its status.
export function strip(rule) {
  const steps = stepsOf(rule)
  const at = position(steps, rule)
  const list = h('ol.strip', { 'aria-label': 'Script' }, steps.map((step, i) => segment(step, at, i)))
  return h('div.script', {}, list, h('span.hint', {}, ending(rule, at)))
}

// stepsOf are what the calls meet in turn: {text, count, pass}. A rule without a
// script has one step for every call.
export function stepsOf(rule) {
  if (!rule.script) return [{ text: actionText(rule), count: Infinity, pass: false }]
  return rule.script.map(step => step.pass
    ? { text: 'pass', count: step.pass, pass: true }
    : { text: actionText(step), count: step.times ?? 1, pass: false })
}

// actionText says an action in a few words.
export function actionText({ error, retryAfter, connection, delay, phase }) {
  const words = []
  if (delay) words.push(`wait ${delay}`)
  if (error) words.push(typeof error === 'string' ? error : `${error.status ?? ''} ${error.code}`.trim())
  if (retryAfter) words.push(`retry after ${retryAfter}`)
  if (connection) words.push(connection)
  if (phase === 'after') words.push('after it ran')
  return words.join(', ')
}

// position is where the next call finds the script: the step, and how many of its
// calls are done; step -1: the script is spent.
export function position(steps, { repeat, status: { calls } }) {
  const total = steps.reduce((sum, { count }) => sum + count, 0)
  if (total === Infinity) return { step: 0, done: calls }
  let left = repeat === 'all' ? calls % total : calls
  for (const [step, { count }] of steps.entries()) {
    if (left < count) return { step, done: left }
    left -= count
  }
  return repeat === 'last' ? { step: steps.length - 1, done: steps.at(-1).count } : { step: -1, done: 0 }
}

function segment({ text, count, pass }, at, i) {
  const now = at.step === i
  const done = now ? at.done : at.step === -1 || i < at.step ? count : 0
  return h(`li.${pass ? 'pass' : 'act'}${now ? '.now' : ''}`, { 'aria-current': now ? 'step' : undefined },
    h('span.label', {}, text, count !== Infinity && h('span.times', {}, ` ×${count}`)),
    cells(count, done, now))
}

// cells are the calls of a step, those that are done filled, and the next one marked
// if it is in this step; of many, a bar.
function cells(count, done, now) {
  if (count === Infinity) return h('span.cells.endless', { 'aria-hidden': 'true' })
  if (count > mostCells) return h('meter', { max: count, value: done, title: `${done} of ${count}` })
  return h('span.cells', { 'aria-hidden': 'true' }, Array.from({ length: count }, (_, i) => h(i < done ? 'i.done' : now && i === done ? 'i.next' : 'i')))
}

function ending({ script, repeat, chance }, { step }) {
  if (!script) return chance ? `each call with a chance of ${chance}` : 'every call it decides'
  if (repeat === 'all') return 'then from the beginning'
  if (repeat === 'last') return 'then the last step for ever'
  return step === -1 ? 'spent: calls pass' : 'then calls pass'
}
