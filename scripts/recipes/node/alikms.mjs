// alikms in node:test: put this file beside your tests, and write in a test file
//
//   const kms = alikms()
//
// Tests point their SDK at kms.endpoint (protocol http) with kms.accessKeyId and any secret. The alikms is started from ALIKMS_BINARY, or
// from the PATH. With ALIKMS_ENDPOINT=host:port files share one that runs: faults and calls are told apart by AccessKeyId.
import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, afterEach } from 'node:test'

export function alikms() {
  const shared = process.env.ALIKMS_ENDPOINT
  let faults, server
  const kms = {
    endpoint: shared,
    async control(method, path, body) {
      const answer = await fetch(`http://${kms.endpoint}/_emulator/${path}`, { method, body })
      if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`)
      return answer.json()
    },
    // A scenario, in force from now on, for all who share the alikms.
    load: file => kms.control('PUT', 'scenario', readFileSync(file)),
    async failNext(operation, error) {
      const rule = { match: { operation, accessKeyId: kms.accessKeyId }, script: [{ error }] }
      await kms.control('PUT', `faults/${kms.accessKeyId}.${faults}`, JSON.stringify(rule))
      faults++
    },
    calls: async where => (await kms.control('GET', 'requests?' + new URLSearchParams({ accessKeyId: kms.accessKeyId, ...where }))).requests,
    // Of one that is shared, only what this test put there.
    async reset() {
      if (!shared) return kms.control('POST', 'reset')
      while (faults > 0) await kms.control('DELETE', `faults/${kms.accessKeyId}.${--faults}`)
    },
  }
  before(() => {
    if (shared) return
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ALIKMS_')))
    const binary = process.env.ALIKMS_BINARY ?? 'alikms'
    const folder = mkdtempSync(join(tmpdir(), 'alikms-'))
    const ready = join(folder, 'ready.json')
    server = spawn(binary, ['--ephemeral', '--listen=127.0.0.1:0', '--listen-tls=', '--ready-file', ready], { env, stdio: 'ignore' })
    execFileSync(binary, ['wait', '--ready-file', ready], { env })
    kms.endpoint = JSON.parse(readFileSync(ready)).http
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => Object.assign(kms, { accessKeyId: 'test-' + randomUUID() }) && (faults = 0))
  afterEach(() => kms.reset())
  after(() => server?.kill())
  return kms
}
