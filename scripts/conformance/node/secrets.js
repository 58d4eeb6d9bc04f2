// What secrets of type Generic have to do whichever the SDK; ../go/secrets_test.go has the same, and more refusals.
import assert from 'node:assert/strict'

const text = 'p@ss & <wörd>; 测试消息\n"quoted"'
const instance = 'kst-hzz65f176a0ogplgq0001'
const policy = JSON.stringify({ Version: '1', Statement: [{ Effect: 'Allow', Principal: { RAM: ['acs:ram::9999999999999999:*'] }, Action: ['kms:GetSecretValue'], Resource: ['*'] }] })

const notFound = [404, 'Forbidden.ResourceNotFound', 'The resource is not found.']
const inWindow = [409, 'Rejected.ResourceInDeleteWindow', 'The secret is planned to be deleted.']
const exists = [409, 'Rejected.ResourceExist', 'The resource already exists.']
const inUse = [409, 'Rejected.ResourceInUse', 'restore normal secret']
const disabled = [409, 'Rejected.Disabled', 'The request was rejected because the key state is Disabled.']
const notSupported = [400, 'UnsupportedOperation', 'This action is not supported.']
const invalid = name => [400, 'InvalidParameter', `The specified parameter ${name} is not valid.`]
const notEmulated = what => [400, 'NotEmulated', `alikms does not emulate ${what}.`]

// needs holds a topic with the SDKs that have its actions.
const needs = (action, topic) => async given => { if (given.can(action)) await topic(given) }

export const secretTopics = {
  'keeps the versions of a secret': needs('CreateSecret', versions),
  'describes and tags a secret': needs('CreateSecret', metadata),
  'reads a secret as long as its key decrypts': needs('CreateSecret', ofAKey),
  'reads several secrets at once': needs('BatchGetSecretValue', batch),
  'keeps the policy of a secret': needs('SetSecretPolicy', policies),
  'deletes and restores a secret': needs('CreateSecret', deletion),
  'makes passwords': needs('GetRandomPassword', passwords),
  'refuses what secrets may not be': needs('CreateSecret', refusals),
}

const create = (call, SecretName, more = {}) => call('CreateSecret', { SecretName, VersionId: 'v1', SecretData: text, ...more })
const value = async (call, SecretName, more = {}) => {
  const { VersionId, SecretData } = await call('GetSecretValue', { SecretName, ...more })
  return [VersionId, SecretData]
}
const stages = async (call, SecretName) => {
  const listed = (await call('ListSecretVersionIds', { SecretName })).VersionIds.VersionId
  return Object.fromEntries(listed.map(version => [version.VersionId, version.VersionStages.VersionStage]))
}

async function versions({ call, refuses }) {
  const SecretName = 'app/db'
  assert.equal((await create(call, SecretName)).Arn, 'acs:kms:cn-hangzhou:1234567890123456:secret/app/db')
  assert.deepEqual(await value(call, SecretName), ['v1', text])
  const second = { SecretName, VersionId: 'v2', SecretData: 'second' }
  await call('PutSecretValue', second)
  await call('PutSecretValue', second) // the same again is no error
  await refuses('PutSecretValue', { ...second, SecretData: 'other' }, exists)
  await call('PutSecretValue', { SecretName, VersionId: 'v3', SecretData: 'third', VersionStages: '["next"]' })
  assert.deepEqual(await stages(call, SecretName), { v3: ['next'], v2: ['ACSCurrent'], v1: ['ACSPrevious'] })
  await call('UpdateSecretVersionStage', { SecretName, VersionStage: 'ACSCurrent', MoveToVersion: 'v3' })
  await call('UpdateSecretVersionStage', { SecretName, VersionStage: 'next', RemoveFromVersion: 'v3' })
  assert.deepEqual(await stages(call, SecretName), { v3: ['ACSCurrent'], v2: ['ACSPrevious'] })
  assert.deepEqual(await value(call, SecretName, { VersionStage: 'ACSPrevious' }), ['v2', 'second'])
  assert.deepEqual(await value(call, SecretName, { VersionId: 'v1' }), ['v1', text])
  await refuses('GetSecretValue', { SecretName, VersionStage: "nobody's" }, notFound)
}

async function metadata({ call, can }) {
  const SecretName = 'app/db'
  await create(call, SecretName, { Description: text, Tags: '[{"TagKey":"team","TagValue":"a"}]' })
  await call('UpdateSecret', { SecretName, Description: 'other' })
  const described = await call('DescribeSecret', { SecretName, FetchTags: 'true' })
  assert.equal(described.Description, 'other')
  assert.deepEqual(described.Tags.Tag, [{ TagKey: 'team', TagValue: 'a' }])
  assert.deepEqual((await call('ListSecrets', {})).SecretList.Secret.map(secret => secret.SecretName), ['app/db'])
  await call('TagResource', { SecretName, Tags: '[{"TagKey":"stage","TagValue":"test"}]' })
  await call('UntagResource', { SecretName, TagKeys: '["team"]' })
  assert.deepEqual((await call('DescribeSecret', { SecretName, FetchTags: 'true' })).Tags.Tag, [{ TagKey: 'stage', TagValue: 'test' }])
  if (!can('ListTagResources')) return
  const { TagResources } = await call('ListTagResources', { RegionId: 'cn-hangzhou', ResourceType: 'secret', 'ResourceId.1': SecretName })
  assert.deepEqual(TagResources.TagResource, [{ ResourceId: SecretName, ResourceType: 'secret', TagKey: 'stage', TagValue: 'test' }])
}

async function ofAKey({ call, refuses }) {
  const { KeyMetadata: { KeyId } } = await call('CreateKey', {})
  await create(call, 'app/key', { EncryptionKeyId: KeyId })
  await call('DisableKey', { KeyId })
  await refuses('GetSecretValue', { SecretName: 'app/key' }, disabled)
  await call('EnableKey', { KeyId })
  assert.deepEqual(await value(call, 'app/key'), ['v1', text])
}

async function batch({ call }) {
  await create(call, 'app/db')
  const answer = await call('BatchGetSecretValue', { SecretsList: JSON.stringify([{ SecretName: 'app/db' }, { SecretName: "nobody's" }]) })
  assert.deepEqual(answer.SecretValues.map(secret => secret.SecretData), [text])
  const [HttpStatus, Code, Message] = notFound
  assert.deepEqual(answer.Errors, [{ SecretName: "nobody's", Code, HttpStatus, Message }])
}

async function policies({ call, refuses }) {
  const { KeyMetadata: { KeyId } } = await call('CreateKey', { DKMSInstanceId: instance })
  await create(call, 'app/instance', { DKMSInstanceId: instance, EncryptionKeyId: KeyId })
  await call('SetSecretPolicy', { SecretName: 'app/instance', Policy: policy })
  assert.deepEqual(JSON.parse((await call('GetSecretPolicy', { SecretName: 'app/instance' })).Policy), JSON.parse(policy))
  await create(call, 'app/shared')
  await refuses('SetSecretPolicy', { SecretName: 'app/shared', Policy: policy }, notSupported)
}

async function deletion({ call, control, refuses }) {
  const SecretName = 'app/db'
  await create(call, SecretName)
  await refuses('RestoreSecret', { SecretName }, inUse)
  assert.ok((await call('DeleteSecret', { SecretName, RecoveryWindowInDays: '7' })).PlannedDeleteTime)
  await refuses('GetSecretValue', { SecretName }, inWindow)
  await refuses('CreateSecret', { SecretName, VersionId: 'v1', SecretData: 'x' }, inWindow)
  await call('RestoreSecret', { SecretName })
  assert.deepEqual(await value(call, SecretName), ['v1', text])
  await call('DeleteSecret', { SecretName, RecoveryWindowInDays: '7' })
  await control('POST', 'clock/advance', { by: '8d' })
  await refuses('DescribeSecret', { SecretName }, notFound)
  await create(call, SecretName)
  await call('DeleteSecret', { SecretName, ForceDeleteWithoutRecovery: 'true' })
  await refuses('GetSecretValue', { SecretName }, notFound)
}

async function passwords({ call }) {
  const { RandomPassword } = await call('GetRandomPassword', { PasswordLength: '20', ExcludePunctuation: 'true' })
  assert.match(RandomPassword, /^[0-9A-Za-z]{20}$/)
}

async function refusals({ call, can, refuses }) {
  await create(call, 'live')
  const created = { SecretName: 'x', VersionId: 'v1', SecretData: text }
  await refuses('CreateSecret', { ...created, SecretName: 'live' }, exists)
  await refuses('CreateSecret', { ...created, SecretName: 'acs/x' }, invalid('SecretName'))
  await refuses('CreateSecret', { ...created, EncryptionKeyId: 'unknown' }, [404, 'Forbidden.KeyNotFound', 'The specified Key is not found.'])
  await refuses('GetSecretValue', {}, [400, 'MissingParameter', 'The parameter  SecretName  needed but no provided.'])
  await refuses('DeleteSecret', { SecretName: 'live', RecoveryWindowInDays: '6' }, invalid('RecoveryWindowInDays'))
  if (can('RotateSecret')) await refuses('RotateSecret', { SecretName: 'live', VersionId: 'v2' }, notEmulated('RotateSecret'))
  if (can('SetSecretPolicy')) await refuses('CreateSecret', { ...created, SecretType: 'Rds' }, notEmulated('SecretType Rds'))
}
