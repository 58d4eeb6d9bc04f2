import { ask, named } from './api.js'
import { h, options } from './dom.js'
import { say, tried } from './say.js'

// usual are the errors that clients are most often tried with.
const usual = ['Rejected.Throttling', 'ServiceUnavailableTemporary', 'InternalFailure', 'Forbidden.NoPermission', 'Forbidden.KeyNotFound', 'Rejected.LimitExceeded']

// failNext makes a rule of one step for the next call that is like this one: of
// the same operation, key and caller.
export function failNext(call) {
  const error = h('select', { 'aria-label': 'With which error' }, options([...usual, ['reset', 'a reset connection']]))
  const name = `next-${call.operation}`.toLowerCase().slice(0, 63)
  const arm = h('button.small', {
    type: 'button',
    disabled: call.operation === '',
    onclick: () => tried(async () => {
      await ask('PUT', named('faults', name), ruleFor(call, error.value))
      say(`The next ${call.operation} like it meets ${error.selectedOptions[0].text}`, 'Take it back', () => takeBack(name))
    }),
  }, 'Fail the next one like it')
  return h('div.bar.failnext', {}, arm, h('span.hint', {}, 'with'), h('div.grow', {}, error))
}

const takeBack = name => tried(async () => {
  await ask('DELETE', named('faults', name))
  say(`The rule ${name} is removed`)
})

export function ruleFor(call, error) {
  const match = { operation: call.operation }
  if (call.keyId) match.keyId = call.keyId
  if (call.accessKeyId) match.accessKeyId = call.accessKeyId
  return { match, script: [error === 'reset' ? { connection: 'reset' } : { error }] }
}
