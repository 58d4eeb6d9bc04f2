// The sample programs that alikms writes, one of every operation: each is to be
// answered as ../samples/calls.json says. What arrives is what was asked for, to
// the byte.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { start } from './alikms.js'

const table = JSON.parse(readFileSync('../samples/calls.json', 'utf8'))
const flags = ['--fixture', '../../../fixtures/default.yaml', '--fixture', '../samples/scenario.yaml', '--credential', 'testid:testsecret']

// names are those of a parameter on the wire; of a list, of its first element.
const names = ({ name, type, elements }) =>
  type === 'list' ? elements.map(element => `${name}.1` + (element.name && '.' + element.name)) : [name]

// parametersOf are what an operation requires, and what the table has for it.
function parametersOf({ name: operation, details }) {
  const all = {}
  for (const detail of details) {
    for (const name of names(detail)) {
      const value = table.parameters[`${operation}.${name}`] ?? (detail.required ? table.parameters[name] ?? detail.oneOf?.[0] : undefined)
      if (value !== undefined) {
        all[name] = value
      }
    }
  }
  return all
}

// same compares what the journal has, which is a size where that is secret or
// long. SDKs write the same JSON in other ways.
function same(got, want) {
  try {
    assert.deepEqual(JSON.parse(got), JSON.parse(want))
    return true
  } catch {
    return got === want || got === sizeOf(want)
  }
}

// sizeOf is how the journal tells the size of a value, that of what it is the
// base64 of.
function sizeOf(value) {
  const decoded = Buffer.from(value, 'base64')
  return `(${decoded.toString('base64') === value ? decoded.length : Buffer.byteLength(value)} bytes)`
}

describe('sample programs', () => {
  // They find the SDKs from here.
  const folder = mkdtempSync(join('node_modules', '.samples-'))
  let alikms
  before(async () => { alikms = await start(...flags) })
  after(async () => {
    rmSync(folder, { recursive: true })
    await alikms.stop()
  })
  const control = async (method, path) => fetch(`http://${alikms.endpoint}/_emulator/${path}`, { method })

  // run imports a program, and gives what it prints.
  async function run(operation, text) {
    const file = join(folder, operation + '.mjs')
    writeFileSync(file, text)
    const print = console.log
    const printed = []
    console.log = line => printed.push(line)
    try {
      await import(pathToFileURL(file))
    } finally {
      console.log = print
    }
    return printed.join('\n')
  }

  async function check(operation) {
    const parameters = parametersOf(operation)
    const status = table.refused[operation.name] ?? 200
    const answer = await control('GET', 'sample?' + new URLSearchParams({ sdk: 'node', operation: operation.name, ...parameters }))
    assert.equal(answer.status, 200, operation.name)
    const program = run(operation.name, await answer.text())
    if (status === 200) {
      assert.match(await program, /"requestId"/i, operation.name)
    } else {
      await assert.rejects(program, /request ?id/i, operation.name)
    }
    const { requests } = await (await control('DELETE', 'requests')).json()
    assert.deepEqual(requests.map(request => request.status), [status], operation.name)
    for (const [name, want] of Object.entries(parameters)) {
      const got = requests[0].parameters[name]
      assert.ok(same(got, want), `${operation.name}: ${name} arrived as ${got}, want ${want}`)
    }
  }

  it('are answered, one of every operation', async () => {
    const { operations } = await (await control('GET', 'operations')).json()
    for (const operation of operations) {
      await check(operation)
    }
  })
})
