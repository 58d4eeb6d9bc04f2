import assert from 'node:assert/strict'
import { start as startAlikms } from '../conformance/node/alikms.js'

// start runs alikms for the tests. Nobody has to sign: nothing but the Host and
// the browser's headers protects it.
export async function start(...flags) {
  const { endpoint: http, https, stop } = await startAlikms(...flags)
  return { http, https, stop, state: () => state(http) }
}

// state is all that an attack could have changed: keys, rules and clock are in
// the export, and what was called is in the journal.
async function state(address) {
  const read = async path => {
    const answer = await fetch(`http://${address}/_emulator/${path}`)
    assert.equal(answer.status, 200, path)
    return answer.text()
  }
  const { requests } = JSON.parse(await read('requests'))
  return { export: await read('export'), answered: requests.filter(call => call.status < 400).map(call => `${call.operation} ${call.requestId}`) }
}
