// What symmetric keys, imports, rotation, tags and key policies have to do whichever the SDK. can tells whether the SDK has an
// action: the typed client lacks the younger ones.
import assert from 'node:assert/strict'
import * as crypto from 'node:crypto'

const text = '测试消息'
const instance = 'kst-hzz65f176a0ogplgq0001'
const builtIn = number => `key-hzz630494463ejqjx00${number}`
const symmetric = ['07', '08', '09', '10'].map(builtIn)
const base64 = bytes => bytes.toString('base64')
const bytes = text => Buffer.from(text, 'base64')
const open = async (call, answer, more = {}) => (await call('Decrypt', { CiphertextBlob: answer.CiphertextBlob, ...more })).Plaintext

export const topics = {
  'keeps texts with symmetric keys': encrypts,
  'binds texts to their contexts': bindsContexts,
  'makes data keys': makesDataKeys,
  'exports data keys': exportsDataKeys,
  'encrypts anew': encryptsAnew,
  'imports key material, and the same again': imports,
  'opens what was encrypted before a rotation': rotates,
  'tags keys, one and several': tags,
  'keeps key policies': keepsPolicies,
  'does the rest': doesTheRest,
}

async function encrypts({ call }) {
  for (const KeyId of symmetric) {
    for (const Plaintext of [text, base64(Buffer.from(text)), '\\u6d4b "quoted" & <marked>']) {
      const sealed = await call('Encrypt', { KeyId, Plaintext })
      assert.equal(bytes(sealed.CiphertextBlob).length, 64 + Buffer.byteLength(Plaintext))
      assert.equal(bytes(sealed.CiphertextBlob).toString('latin1', 0, 36), sealed.KeyVersionId)
      const opened = await call('Decrypt', { CiphertextBlob: sealed.CiphertextBlob })
      assert.equal(opened.Plaintext, Plaintext)
      assert.equal(opened.KeyId, KeyId)
    }
  }
}

// The typed client does not send a context: it has one as an object, which it spreads over parameters that KMS does not have.
async function bindsContexts({ call, client, refuses }) {
  const EncryptionContext = client.contexts === false ? { a: '1', 用途: text } : JSON.stringify({ a: '1', 用途: text })
  const sealed = await call('Encrypt', { KeyId: symmetric[0], Plaintext: text, EncryptionContext })
  if (client.contexts === false) {
    assert.equal(await open(call, sealed), text)
    return
  }
  assert.equal(await open(call, sealed, { EncryptionContext: JSON.stringify({ 用途: text, a: '1' }) }), text)
  const notValid = [400, 'InvalidParameter', 'The specified parameter CiphertextBlob is not valid.']
  await refuses('Decrypt', { CiphertextBlob: sealed.CiphertextBlob }, notValid)
  await refuses('Decrypt', { CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: '{"a":"1"}' }, notValid)
  await refuses('Encrypt', { KeyId: symmetric[0], Plaintext: text, EncryptionContext: '{"a":1}' }, [400, 'InvalidParameter', 'The specified parameter EncryptionContext is not valid.'])
}

async function makesDataKeys({ call }) {
  const KeyId = symmetric[0]
  for (const [size, parameters] of [[32, {}], [16, { KeySpec: 'AES_128' }], [1, { NumberOfBytes: 1 }], [1024, { NumberOfBytes: 1024 }]]) {
    const made = await call('GenerateDataKey', { KeyId, ...parameters })
    assert.equal(bytes(made.Plaintext).length, size)
    assert.equal(await open(call, made), made.Plaintext)
    const bare = await call('GenerateDataKeyWithoutPlaintext', { KeyId, ...parameters })
    assert.equal(bare.Plaintext, undefined)
    assert.equal(bytes(await open(call, bare)).length, size)
  }
}

async function exportsDataKeys({ call, can }) {
  if (!can('ExportDataKey')) return
  const { publicKey, privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
  const wrapping = { PublicKeyBlob: base64(publicKey.export({ type: 'spki', format: 'der' })), WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' }
  const made = await call('GenerateAndExportDataKey', { KeyId: symmetric[0], ...wrapping })
  const again = await call('ExportDataKey', { CiphertextBlob: made.CiphertextBlob, ...wrapping })
  for (const { ExportedDataKey } of [made, again]) {
    const dataKey = crypto.privateDecrypt({ key: privateKey, oaepHash: 'sha256' }, bytes(ExportedDataKey))
    assert.equal(base64(dataKey), await open(call, made))
  }
}

async function encryptsAnew({ call, can }) {
  if (!can('ReEncrypt')) return
  const sealed = await call('Encrypt', { KeyId: symmetric[0], Plaintext: text })
  const again = await call('ReEncrypt', { CiphertextBlob: sealed.CiphertextBlob, DestinationKeyId: symmetric[3] })
  assert.equal(again.KeyId, symmetric[0])
  assert.equal(await open(call, again), text)
}

const newKey = async (call, parameters = {}) => (await call('CreateKey', parameters)).KeyMetadata.KeyId
const metadata = async (call, KeyId) => (await call('DescribeKey', { KeyId })).KeyMetadata

async function imports({ call, refuses }) {
  const KeyId = await newKey(call, { Origin: 'EXTERNAL' })
  const material = crypto.randomBytes(32)
  await importInto(call, KeyId, material)
  const sealed = await call('Encrypt', { KeyId, Plaintext: text })
  assert.equal(openOutside(material, bytes(sealed.CiphertextBlob)), text)
  await call('DeleteKeyMaterial', { KeyId })
  await refuses('Decrypt', { CiphertextBlob: sealed.CiphertextBlob }, [409, 'Rejected.PendingImport', 'The request was rejected because the key state is PendingImport.'])
  await assert.rejects(importInto(call, KeyId, crypto.randomBytes(32)), /InvalidKeyMaterial|key material is invalid\./)
  await importInto(call, KeyId, material)
  assert.equal(await open(call, sealed), text)
}

async function importInto(call, KeyId, material) {
  const given = await call('GetParametersForImport', { KeyId, WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' })
  const key = crypto.createPublicKey({ key: bytes(given.PublicKey), type: 'spki', format: 'der' })
  const sealed = crypto.publicEncrypt({ key, oaepHash: 'sha256' }, material)
  await call('ImportKeyMaterial', { KeyId, ImportToken: given.ImportToken, EncryptedKeyMaterial: base64(sealed), KeyMaterialExpireUnix: 0 })
}

// A ciphertext is the id of the version, an IV of 12 bytes, the encrypted text and a tag of 16.
function openOutside(material, blob) {
  const cipher = crypto.createDecipheriv('aes-256-gcm', material, blob.subarray(36, 48))
  cipher.setAuthTag(blob.subarray(-16))
  return cipher.update(blob.subarray(48, -16), undefined, 'utf8') + cipher.final('utf8')
}

async function rotates({ call, control, refuses }) {
  const KeyId = await newKey(call)
  await call('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: true, RotationInterval: '365d' })
  assert.equal((await metadata(call, KeyId)).RotationInterval, '31536000s')
  const old = await call('Encrypt', { KeyId, Plaintext: text })
  await control('POST', 'clock/advance', { by: '366d' })
  const rotated = await metadata(call, KeyId)
  assert.notEqual(rotated.PrimaryKeyVersion, old.KeyVersionId)
  assert.equal(await open(call, old), text)
  assert.equal((await call('Encrypt', { KeyId, Plaintext: text })).KeyVersionId, rotated.PrimaryKeyVersion)
  await refuses('UpdateRotationPolicy', { KeyId, EnableAutomaticRotation: true, RotationInterval: '5x' }, [400, 'InvalidParameter', 'The specified parameter RotationInterval is not valid.'])
}

async function tags({ call, can }) {
  const KeyId = symmetric[0]
  await call('TagResource', { KeyId, Tags: '[{"TagKey":"team","TagValue":"a"},{"TagKey":"stage","TagValue":"test"}]' })
  await call('UntagResource', { KeyId, TagKeys: '["stage"]' })
  assert.deepEqual((await call('ListResourceTags', { KeyId })).Tags.Tag, [{ KeyId, TagKey: 'team', TagValue: 'a' }])
  if (!can('TagResources')) return
  const both = { RegionId: 'cn-hangzhou', ResourceType: 'key', 'ResourceId.1': KeyId, 'ResourceId.2': symmetric[1] }
  await call('TagResources', { ...both, 'Tag.1.Key': 'team', 'Tag.1.Value': 'b' })
  const listed = async () => (await call('ListTagResources', both)).TagResources.TagResource
  const row = ResourceId => ({ ResourceId, ResourceType: 'key', TagKey: 'team', TagValue: 'b' })
  assert.deepEqual(await listed(), [row(KeyId), row(symmetric[1])])
  await call('UntagResources', { ...both, 'TagKey.1': 'team' })
  assert.deepEqual(await listed(), [])
}

async function keepsPolicies({ call, can, refuses }) {
  if (!can('SetKeyPolicy')) return
  const KeyId = await newKey(call, { DKMSInstanceId: instance })
  const { Policy: own } = await call('GetKeyPolicy', { KeyId })
  assert.deepEqual(JSON.parse(own).Statement[0].Principal, { RAM: ['acs:ram::1234567890123456:*'] })
  const policy = { Version: '1', Statement: [{ Sid: text, Effect: 'Allow', Principal: { RAM: ['acs:ram::9999999999999999:*'] }, Action: ['kms:Encrypt'], Resource: ['*'] }] }
  await call('SetKeyPolicy', { KeyId, Policy: JSON.stringify(policy) })
  assert.deepEqual(JSON.parse((await call('GetKeyPolicy', { KeyId })).Policy), policy)
  await refuses('GetKeyPolicy', { KeyId: symmetric[0] }, [400, 'Forbidden.KeyPolicyUnSupported', 'The specified key does not support key policy.'])
}

async function doesTheRest({ call, can }) {
  const KeyId = await newKey(call, { KeySpec: 'EC_SM2', KeyUsage: 'SIGN/VERIFY' })
  await call('UpdateKeyDescription', { KeyId, Description: text })
  assert.equal((await metadata(call, KeyId)).Description, text)
  const { KeyVersion: { KeyVersionId } } = await call('CreateKeyVersion', { KeyId })
  assert.equal((await call('DescribeKeyVersion', { KeyId, KeyVersionId })).KeyVersion.KeyVersionId, KeyVersionId)
  await call('UpdateAlias', { KeyId, AliasName: 'alias/demo-sm2' })
  assert.ok((await call('ListAliases', { PageSize: 100 })).Aliases.Alias.some(alias => alias.KeyId === KeyId))
  await call('DisableKey', { KeyId })
  await call('EnableKey', { KeyId })
  if (can('SetDeletionProtection')) {
    await call('SetDeletionProtection', { ProtectedResourceArn: `acs:kms:cn-hangzhou:1234567890123456:key/${KeyId}`, EnableDeletionProtection: false })
  }
  await call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 })
  await call('CancelKeyDeletion', { KeyId })
  assert.equal((await metadata(call, KeyId)).KeyState, 'Enabled')
  assert.ok((await call('DescribeRegions')).Regions.Region.length > 0)
  if (can('DescribeAccountKmsStatus')) assert.equal((await call('DescribeAccountKmsStatus')).AccountStatus, 'Enabled')
}
