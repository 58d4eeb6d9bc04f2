// The recipe for node:test, as it is printed: with an alikms that it starts, and
// by two files at one that runs.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { it } from 'node:test'
import { promisify } from 'node:util'
import { start } from './alikms.js'

// A run of its own, not a part of this one.
const { NODE_TEST_CONTEXT, ...environment } = process.env

async function mustPass(tests, more = {}) {
  const run = promisify(execFile)('node', ['--test', '--test-reporter=tap', 'recipe/payments.js'], { env: { ...environment, ...more } })
  const { stdout } = await run.catch(error => error)
  assert.match(stdout, new RegExp(`^# pass ${tests}$`, 'm'), stdout)
  assert.match(stdout, /^# fail 0$/m, stdout)
}

it('starts an alikms', () => mustPass(13))

it('shares an alikms', async () => {
  const { endpoint, stop } = await start()
  await Promise.all([mustPass(12, { ALIKMS_ENDPOINT: endpoint }), mustPass(12, { ALIKMS_ENDPOINT: endpoint })])
  const left = await (await fetch(`http://${endpoint}/_emulator/faults`)).json()
  assert.deepEqual(left, { faults: [] })
  await stop()
})
