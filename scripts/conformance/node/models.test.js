// What the SDK's request classes have, as the sample programs are written from:
// kept in a file, read off the SDK here. What differs fails, unless UPDATE_MODELS
// is set, which writes the file.
import kms from '@alicloud/kms20160120'
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { it } from 'node:test'

const path = '../../../emulator/internal/wiring/models/node.txt'
// What the samples call the SDK's types. Others are left out: maps too, which this
// SDK takes apart instead of sending them as JSON.
const kinds = { string: 'string', boolean: 'boolean', number: 'long' }

// line is an operation with its parameters.
function line(method) {
  const operation = method[0].toUpperCase() + method.slice(1)
  const request = kms[operation + 'Request']
  const types = request.types()
  const parameters = Object.entries(request.names())
    .filter(([member]) => kinds[types[member]])
    .map(([member, name]) => ` ${name}=${member}:${kinds[types[member]]}`)
  return operation + parameters.sort().join('')
}

it('has the models that the samples are written from', () => {
  const methods = Object.getOwnPropertyNames(kms.default.prototype).filter(name => name.endsWith('Ex'))
  const text = methods.map(method => line(method.slice(0, -2))).sort().join('\n') + '\n'
  if (process.env.UPDATE_MODELS) {
    writeFileSync(path, text)
  }
  assert.equal(readFileSync(path, 'utf8'), text, `${path} is not what the SDK has (UPDATE_MODELS=1 writes it)`)
})
