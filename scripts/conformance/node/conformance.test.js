// What must hold whichever the SDK, as in ../go: each test has an alikms of its
// own, with the keys of fixtures/default.yaml.
import assert from 'node:assert/strict'
import * as crypto from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { start } from './alikms.js'
import { clients } from './clients.js'
import { answered, refused } from './evidence.js'
import { secretTopics } from './secrets.js'
import { topics } from './topics.js'

const builtIn = number => ({ KeyId: `key-hzz630494463ejqjx000${number}`, KeyVersionId: `2ab1a983-7072-4bbc-a582-584b5bd8000${number}` })
const [rsa2048, rsa3072, sm2, rsa2048Sign, rsa3072Sign, sm2Sign] = [1, 2, 3, 4, 5, 6].map(builtIn)
const arn = key => `acs:kms:cn-hangzhou:1234567890123456:key/${key.KeyId}`

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const date = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/
const message = Buffer.from('attack at dawn')
const digest = crypto.createHash('sha256').update(message).digest()
const base64 = bytes => bytes.toString('base64')

const scenario = '../../../fixtures/default.yaml'
const builtInKeys = readFileSync(scenario, 'utf8').match(/^ {2}- keyId: /gm).length
const keys = ['--fixture', scenario, '--fixture', '../instance.yaml']
const modes = { 'any caller': keys, 'verified callers': [...keys, '--credential', 'testid:testsecret'] }
for (const [mode, flags] of Object.entries(modes)) {
  for (const client of clients) {
    describe(`${client.name}, ${mode}`, () => {
      const called = new Set()
      let alikms, call, operations
      beforeEach(async () => {
        alikms = await start(...flags)
        const connected = client.connect(alikms.endpoint, 'testsecret')
        call = async (action, parameters) => {
          const answer = await connected(action, parameters)
          called.add(action)
          answered(client.package, action)
          return answer
        }
        operations ??= (await control(alikms.endpoint, 'GET', 'operations')).operations.map(operation => operation.name)
      })
      afterEach(() => alikms.stop())
      after(() => assert.deepEqual(operations.filter(name => client.can(name) && !called.has(name)), [], 'operations that no test has called'))

      it('opens what it encrypts', () => opens(call))
      it('verifies what it signs, and nothing else', () => verifies(call))
      it('gives public keys that node:crypto can use', () => agreesWithNode(call))
      it('lists and describes the built-in keys', () => lists(call))
      it('keeps a key, its description and its alias', () => keeps(client, call))
      it('tells each refusal with status, code, message and request id', () => refuses(client, call))
      it('tells a fault that was put in', () => faults(client, call, alikms.endpoint))
      it('tells each error of the catalogue', () => eachError(client, call, alikms.endpoint))
      for (const [what, holds] of Object.entries({ ...topics, ...secretTopics })) {
        it(what, () => holds({
          client, call, can: client.can,
          control: (...asked) => control(alikms.endpoint, ...asked),
          refuses: (action, parameters, wanted) => mustRefuse(client, call, action, parameters, wanted),
        }))
      }
      if (mode === 'verified callers') {
        it('tells the string to sign when the secret is wrong', () => doubts(client, alikms.endpoint))
      }
    })
  }
}

const ciphers = [
  [rsa2048, 'RSAES_OAEP_SHA_1'], [rsa2048, 'RSAES_OAEP_SHA_256'], [rsa3072, 'RSAES_OAEP_SHA_1'], [rsa3072, 'RSAES_OAEP_SHA_256'], [sm2, 'SM2PKE'],
]

async function opens(call) {
  for (const [key, Algorithm] of ciphers) {
    const { CiphertextBlob, RequestId, ...used } = await call('AsymmetricEncrypt', { ...key, Algorithm, Plaintext: base64(message) })
    assert.deepEqual({ ...used }, key, Algorithm)
    assert.match(RequestId, uuid)
    const opened = await call('AsymmetricDecrypt', { ...key, Algorithm, CiphertextBlob })
    assert.equal(opened.Plaintext, base64(message), Algorithm)
  }
}

const signers = [
  [rsa2048Sign, 'RSA_PKCS1_SHA_256'], [rsa2048Sign, 'RSA_PSS_SHA_256'], [rsa3072Sign, 'RSA_PKCS1_SHA_256'], [rsa3072Sign, 'RSA_PSS_SHA_256'], [sm2Sign, 'SM2DSA'],
]

async function verifies(call) {
  const another = base64(Buffer.alloc(32, 1))
  for (const [key, Algorithm] of signers) {
    const { Value } = await call('AsymmetricSign', { ...key, Algorithm, Digest: base64(digest) })
    for (const [Digest, valid] of [[base64(digest), true], [another, false]]) {
      const verified = await call('AsymmetricVerify', { ...key, Algorithm, Digest, Value })
      assert.strictEqual(verified.Value, valid, Algorithm)
    }
  }
}

// RSA only: node:crypto has no name for the type of SM2 keys, and does not encrypt with them.
async function agreesWithNode(call) {
  const publicKey = async key => crypto.createPublicKey((await call('GetPublicKey', key)).PublicKey)
  const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PKCS1_OAEP_PADDING } = crypto.constants

  const signedHere = { RSA_PKCS1_SHA_256: { padding: RSA_PKCS1_PADDING }, RSA_PSS_SHA_256: { padding: RSA_PKCS1_PSS_PADDING, saltLength: 32 } }
  for (const [Algorithm, options] of Object.entries(signedHere)) {
    const { Value } = await call('AsymmetricSign', { ...rsa2048Sign, Algorithm, Digest: base64(digest) })
    const key = await publicKey(rsa2048Sign)
    assert.ok(crypto.verify('sha256', message, { key, ...options }, Buffer.from(Value, 'base64')), Algorithm)
  }
  for (const [Algorithm, oaepHash] of Object.entries({ RSAES_OAEP_SHA_1: 'sha1', RSAES_OAEP_SHA_256: 'sha256' })) {
    const sealed = crypto.publicEncrypt({ key: await publicKey(rsa2048), padding: RSA_PKCS1_OAEP_PADDING, oaepHash }, message)
    const opened = await call('AsymmetricDecrypt', { ...rsa2048, Algorithm, CiphertextBlob: base64(sealed) })
    assert.equal(opened.Plaintext, base64(message), Algorithm)
  }
}

async function lists(call) {
  const { RequestId, ...page } = await call('ListKeys', { PageNumber: 1, PageSize: 2 })
  assert.match(RequestId, uuid)
  const listed = [rsa2048, rsa3072].map(key => ({ KeyId: key.KeyId, KeyArn: arn(key) }))
  assert.deepEqual(page, { Keys: { Key: listed }, PageNumber: 1, PageSize: 2, TotalCount: builtInKeys })

  const { KeyMetadata: { CreationDate, ...metadata } } = await call('DescribeKey', { KeyId: 'alias/demo-sm2' })
  assert.match(CreationDate, date)
  const wanted = {
    KeyId: sm2.KeyId, Arn: arn(sm2), Creator: '1234567890123456', Description: 'Test key for encryption with EC_SM2. Not a secret.',
    KeySpec: 'EC_SM2', KeyUsage: 'ENCRYPT/DECRYPT', KeyState: 'Enabled', Origin: 'Aliyun_KMS', ProtectionLevel: 'SOFTWARE',
    DeleteDate: '', MaterialExpireTime: '', AutomaticRotation: 'Disabled',
  }
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map(name => [name, metadata[name]])), wanted)

  const { KeyVersions: { KeyVersion: [version, ...others] }, ...versions } = await call('ListKeyVersions', { KeyId: sm2.KeyId })
  assert.match(version.CreationDate, date)
  assert.deepEqual({ KeyId: version.KeyId, KeyVersionId: version.KeyVersionId }, sm2)
  assert.equal(others.length, 0)
  assert.deepEqual({ ...versions, RequestId: '' }, { PageNumber: 1, PageSize: 10, TotalCount: 1, RequestId: '' })
}

async function keeps(client, call) {
  const Description = `*~ +中/'()!`
  const { KeyMetadata: { KeyId, ...created } } = await call('CreateKey', { KeySpec: 'EC_SM2', KeyUsage: 'SIGN/VERIFY', Description })
  assert.equal(created.Description, Description)
  await call('CreateAlias', { KeyId, AliasName: 'alias/node' })
  const { KeyMetadata: found } = await call('DescribeKey', { KeyId: 'alias/node' })
  assert.equal(found.KeyId, KeyId)
  assert.equal(found.Description, Description)
  const { Aliases } = await call('ListAliasesByKeyId', { KeyId })
  assert.equal(Aliases.Alias[0].AliasName, 'alias/node')
  await call('DeleteAlias', { AliasName: 'alias/node' })
  await mustRefuse(client, call, 'DescribeKey', { KeyId: 'alias/node' }, aliasNotFound)
}

const aliasNotFound = [404, 'Forbidden.AliasNotFound', 'The specified Alias is not found.']

async function refuses(client, call) {
  const encryption = { ...rsa2048, Algorithm: 'RSAES_OAEP_SHA_256', Plaintext: base64(message) }
  await call('DisableKey', { KeyId: rsa3072.KeyId })
  for (const [action, parameters, ...wanted] of [
    ['DescribeKey', {}, 400, 'MissingParameter', 'The parameter  KeyId  needed but no provided.'],
    ['AsymmetricEncrypt', { ...encryption, Algorithm: 'RSAES_OAEP_SHA_512' }, 400, 'InvalidParameter', 'The specified parameter Algorithm is not valid.'],
    ['AsymmetricEncrypt', { ...encryption, Algorithm: 'SM2PKE' }, 400, 'Rejected.UnsupportedOperation', 'Unsupported operation.'],
    ['AsymmetricEncrypt', { ...encryption, ...rsa3072 }, 409, 'Rejected.Disabled', 'The request was rejected because the key state is Disabled.'],
    ['CancelKeyDeletion', { KeyId: sm2.KeyId }, 409, 'Rejected.StateModifiedFailed', 'Keystate modified failed.'],
    ['DescribeKey', { KeyId: 'key-hzz000000000000000000' }, 404, 'Forbidden.KeyNotFound', 'The specified Key is not found.'],
    ['GetPublicKey', { ...rsa2048, KeyVersionId: sm2.KeyVersionId }, 404, 'Forbidden.KeyVersionNotFound', 'The specified Key version is not found.'],
    ['CreateAlias', { KeyId: sm2.KeyId, AliasName: 'alias/demo-sm2' }, 400, 'AliasAlreadyExists', 'AliasName Already Exists.'],
    ['Encrypt', { KeyId: rsa2048.KeyId, Plaintext: base64(message) }, 400, 'UnsupportedOperation', 'This action is not supported.'],
    ['GenerateDataKey', { KeyId: 'alias/unknown' }, 404, 'Forbidden.AliasNotFound', 'The specified Alias is not found.'],
    ['GenerateDataKey', { KeyId: 'alias/demo-aes-256', NumberOfBytes: 1025 }, 400, 'InvalidParameter', 'The specified parameter NumberOfBytes is not valid.'],
    ['Decrypt', { CiphertextBlob: base64(Buffer.from('2ab1a983-7072-4bbc-a582-584b5bd89999' + '.'.repeat(40))) }, 404, 'Forbidden.KeyNotFound', 'The specified Key is not found.'],
    ['GetParametersForImport', { KeyId: rsa2048.KeyId, WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' }, 400, 'Unsupported.Origin', 'This key origin is not valid for this api.'],
    ['ListResourceTags', { KeyId: 'unknown' }, 404, 'Forbidden.KeyNotFound', 'The specified Key is not found.'],
    ['CreateKey', { ProtectionLevel: 'HSM' }, 400, 'NotEmulated', 'alikms does not emulate ProtectionLevel HSM.'],
  ]) {
    await mustRefuse(client, call, action, parameters, wanted)
  }
}

async function faults(client, call, endpoint) {
  const rule = { match: { operation: 'ListKeys' }, error: 'Rejected.Throttling', retryAfter: '100ms' }
  await control(endpoint, 'PUT', 'faults/busy', rule)
  const error = await mustRefuse(client, call, 'ListKeys', {}, [429, 'Rejected.Throttling', 'QPS Limit Exceeded'])
  assert.equal(error.retryAfter, client.retryAfter)
  await call('DescribeKey', { KeyId: sm2.KeyId })
}

async function eachError(client, call, endpoint) {
  for (const { status, code, message } of (await control(endpoint, 'GET', 'errors')).errors) {
    await control(endpoint, 'PUT', 'faults/each', { match: { operation: 'ListKeys' }, error: code })
    await mustRefuse(client, call, 'ListKeys', {}, [status, code, message])
  }
}

async function doubts(client, endpoint) {
  const refusal = client.refusal(await errorOf(client.connect(endpoint, 'wrong'), 'ListKeys', {}))
  assert.equal(refusal.status, 400)
  assert.equal(refusal.code, 'SignatureDoesNotMatch')
  refused(client.package, refusal.code)
  assert.match(refusal.message, client.wrongSecret)
}

async function control(endpoint, method, path, body) {
  const answer = await fetch(`http://${endpoint}/_emulator/${path}`, { method, body: JSON.stringify(body) })
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  return JSON.parse(text)
}

async function mustRefuse(client, call, action, parameters, [status, code, message]) {
  const error = await errorOf(call, action, parameters)
  const { requestId, ...refusal } = client.refusal(error)
  assert.deepEqual(refusal, { status, code, message }, action)
  refused(client.package, code)
  assert.match(requestId, uuid)
  return error
}

async function errorOf(call, action, parameters) {
  const error = await call(action, parameters).then(() => null, error => error)
  assert.ok(error, `${action} succeeded`)
  return error
}
