// Two readers of the schema, for all scenario files that this repository has.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { start as startAlikms } from '../conformance/node/alikms.js'
import { start as startServer } from './server.js'

const alikms = (...args) => execFileSync(process.env.ALIKMS_BINARY, args, { encoding: 'utf8' })
const root = join(import.meta.dirname, '../..')
const scenarios = folder => readdirSync(join(root, folder)).filter(name => name.endsWith('.yaml')).map(name => join(folder, name))
const good = ['fixtures', 'fixtures/testdata/good'].flatMap(scenarios)
const bad = ['fixtures/testdata/bad', 'emulator/testdata/bad'].flatMap(scenarios)

// beyond is what a schema cannot know, by how alikms says it.
const beyond = [
  /is not beside |is only (for|with|beside) |\]: (script or an action|pass or an action|rate or profile|name|match\.gateway|deleteDate|rotationInterval|encryptionKeyId|secretData or secretDataFile|seed|chance) is missing: |is the key's creationDate|no version has the stage/, // which fields go together
  /is already used at |is none of |is no key here|is no version here|is a version of another key|is not a gateway/, // which names there are
  /in the future|is not after |is before /, // the time
  /\.(privateKey|privateKeyFile|secretDataFile): /, // what a file or a PEM holds
  / cannot do |can never (match|act)|is not for origin |needs material|has one version|is no lower-case UUID|has \d+ bytes/, // what keys and operations can do
  /is too long: (at most \d+d|\d+ bytes)|the clock stays between/, // how large the numbers in a text are
  /YAML (tags|directives|anchors and aliases|merge keys) |a colon inside \[ \]/, // YAML that scenarios do not have
  /as JSON: / // JSON in a text
]
// beyondServer is what yaml-language-server does not look at besides.
const beyondServer = [/^is empty$/, /^begins a second document/]

// refusals are what alikms says of a bad file, a line for each thing, without the
// place. The files of emulator/ are read as of a certain day.
function refusals(file) {
  const text = file.startsWith('emulator/')
    ? readFileSync(join(root, file.replace(/yaml$/, 'want')), 'utf8')
    : spawnSync(process.env.ALIKMS_BINARY, ['validate', file], { cwd: root, encoding: 'utf8' }).stderr
  return text.trimEnd().split('\n').map(line => line.replace(/^\S+?:\d+:\d+: /, ''))
}

// takenOf are the files in which nothing was found.
const takenOf = found => [...found].filter(([, problems]) => problems.length === 0).map(([file]) => file)

// missed are the refusals of these files that are of none of the kinds.
const missed = (files, kinds) => files.flatMap(file => refusals(file).filter(line => !kinds.some(kind => kind.test(line))).map(line => `${file}: ${line}`))

const folder = mkdtempSync(join(tmpdir(), 'alikms-editor-')) // a user's own
const schema = join(folder, 'schema.json')
const named = where => `# yaml-language-server: $schema=${where}\n`
let server

before(async () => {
  writeFileSync(schema, alikms('schema'))
  server = await startServer(folder)
})
after(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

// marked is what yaml-language-server says, by file, as if they lay in the user's
// folder. It waits a while before it judges a file, so all are open at once.
async function marked(files) {
  const find = async file => [file, await server.problems(named('schema.json') + readFileSync(join(root, file), 'utf8'))]
  return new Map(await Promise.all(files.map(find)))
}

// checked is what check-jsonschema says, by file.
function checked(files) {
  const { stdout } = spawnSync(process.env.CHECK_JSONSCHEMA, ['-o', 'json', '--schemafile', schema, ...files], { cwd: root, encoding: 'utf8' })
  const { errors, parse_errors: unread = [] } = JSON.parse(stdout)
  const found = new Map(files.map(file => [file, []]))
  for (const { filename, message } of [...errors, ...unread]) found.get(filename).push(message)
  return found
}

describe('what alikms takes', () => {
  test('yaml-language-server finds nothing wrong', async () => {
    for (const [file, found] of await marked(good)) assert.deepEqual(found, [], file)
  })
  test('check-jsonschema finds nothing wrong', () => {
    for (const [file, found] of checked(good)) assert.deepEqual(found, [], file)
  })
})

// A file that is taken has nothing wrong but what the schema cannot know.
describe('what alikms refuses', () => {
  test('yaml-language-server marks it, up to what the schema cannot know', async () => {
    assert.deepEqual(missed(takenOf(await marked(bad)), [...beyond, ...beyondServer]), [])
  })
  test('check-jsonschema refuses it, up to what the schema cannot know', () => {
    assert.deepEqual(missed(takenOf(checked(bad)), beyond), [])
  })
})

describe('completion', () => {
  const lists = (heading, ...args) => alikms(...args).trimEnd().split('\n').map(line => line.split(' ')[0])
  const fault = more => `faults:\n  - name: a\n    ${more}`
  for (const [what, text, expected] of [
    ['operations', fault('match: {operation: |}'), () => lists('operation', 'operations')],
    ['operations of a list', fault('match:\n      operation: [CreateKey, |]'), () => lists('operation', 'operations')],
    ['error codes', fault('error: |'), () => lists('code', 'errors')],
    ['error codes of a map', fault('error: {code: |}'), () => lists('code', 'errors')],
    ['durations', fault('delay: |'), () => ['300ms', '2s', '1h30m', '7d']],
    ['times', fault('from: |'), () => ['2026-01-01T00:00:00Z', '-30d', '+2s']],
    ['a start of the clock', 'clock: |', () => ['2026-01-01T00:00:00Z']],
    ['rates', 'quotas:\n  - rate: |', () => ['5/s', '1000/m']],
    ['usages', 'keys:\n  - keyUsage: |', () => ['ENCRYPT/DECRYPT', 'SIGN/VERIFY']],
    ['nothing for a secret', 'credentials:\n  - accessKeySecret: |', () => []]
  ]) {
    test(what, async () => assert.deepEqual((await server.offered(named('schema.json') + text)).sort(), expected().sort()))
  }
  for (const [what, text, expected] of [
    ['key specs', 'keys:\n  - keySpec: |', 'EC_SM2'],
    ['profiles', 'quotas:\n  - profile: |', 'shared-gateway'],
    ['regions', 'region: |', 'cn-hangzhou'],
    ['algorithms', fault('match:\n      algorithm: |'), 'SM2PKE'],
    ['fields', fault('|'), 'retryAfter']
  ]) {
    test(what, async () => {
      const offered = await server.offered(named('schema.json') + text)
      assert.ok(offered.includes(expected) && !offered.includes('true'), String(offered))
    })
  }
})

describe('from a folder of the user', () => {
  const wrong = 'faults: [{name: a, delay: 300}]\n'
  test('the schema of a running alikms', async () => {
    const { endpoint, stop } = await startAlikms()
    try {
      const line = named(`http://${endpoint}/_emulator/schema.json`)
      assert.deepEqual(await server.problems(line + 'faults: [{name: a, delay: 300ms}]\n'), [])
      assert.equal((await server.problems(line + wrong)).length, 1)
    } finally {
      await stop()
    }
  })
  test('a JSON file that names its schema', () => {
    const file = join(folder, 'scenario.json')
    writeFileSync(file, JSON.stringify({ $schema: 'schema.json', faults: [{ name: 'a', delay: '300ms' }] }))
    assert.match(alikms('validate', file), /^valid: .* 1 faults\n$/)
    assert.deepEqual(checked([file]).get(file), [])
  })
  test('a folder as a fixture passes the schema over', () => {
    assert.match(alikms('validate', folder), /^valid: /)
  })
})
