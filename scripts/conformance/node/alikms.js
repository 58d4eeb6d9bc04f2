import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const binary = process.env.ALIKMS_BINARY
assert.ok(binary, 'ALIKMS_BINARY has to name the binary; scripts/conformance/run and scripts/browser/run build one')

// ALIKMS_ variables are settings of alikms, which refuses those it does not know.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ALIKMS_')))

// start runs alikms with its built-in keys on free ports. scripts/browser uses it
// too.
export async function start(...flags) {
  const folder = mkdtempSync(join(tmpdir(), 'alikms-'))
  const ready = join(folder, 'ready.json')
  const child = spawn(binary, ['--listen', '127.0.0.1:0', '--listen-tls', '127.0.0.1:0', '--ready-file', ready, '--ephemeral', ...flags],
    { env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', text => { log += text })
  const exited = once(child, 'close')

  for (const limit = Date.now() + 30_000; !existsSync(ready); await pause(2)) {
    if (child.exitCode !== null || Date.now() > limit) {
      child.kill('SIGKILL')
      assert.fail(`alikms was not ready within 30 s, or ended before:\n${log}`)
    }
  }
  const { http: endpoint, https } = JSON.parse(readFileSync(ready, 'utf8'))
  rmSync(folder, { recursive: true })

  // stop checks that alikms ends well, without an internal failure in its log.
  const stop = async () => {
    child.kill('SIGTERM')
    const [code] = await exited
    assert.equal(code, 0, `exit code; log of alikms:\n${log}`)
    assert.doesNotMatch(log, /level=ERROR/)
  }
  return { endpoint, https, stop }
}
