// Every operation of the table is tried on the page, with what the operations
// before it answered.
import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { describe, it } from 'node:test'
import { shownPage } from './chromium.js'

const base64 = bytes => Buffer.from(bytes).toString('base64')
const digest = base64(crypto.createHash('sha256').update('hello').digest())
const builtIn = number => ({ KeyId: `key-hzz630494463ejqjx00${number}`, KeyVersionId: `2ab1a983-7072-4bbc-a582-584b5bd800${number}` })
const rsa = { ...builtIn('01'), Algorithm: 'RSAES_OAEP_SHA_256' }
const signing = { ...builtIn('04'), Algorithm: 'RSA_PSS_SHA_256', Digest: digest }
const { KeyId: aes } = builtIn('07')
const { publicKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
const wrapping = { PublicKeyBlob: base64(publicKey.export({ type: 'spki', format: 'der' })), WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' }
const tags = '[{"TagKey":"team","TagValue":"payments"}]'
const here = { RegionId: 'cn-hangzhou', ResourceType: 'key' }

// wrapped is new key material for what GetParametersForImport answered.
function wrapped({ PublicKey }) {
  const key = crypto.createPublicKey({ key: Buffer.from(PublicKey, 'base64'), format: 'der', type: 'spki' })
  return base64(crypto.publicEncrypt({ key, oaepHash: 'sha256' }, crypto.randomBytes(32)))
}

// The trials, in an order in which each finds what it needs: got has the answers
// by operation, made the id of a key that was made on the way.
const trials = {
  CreateKey: () => ({ KeySpec: 'Aliyun_AES_256', Description: 'Made on the page' }),
  DescribeKey: got => ({ KeyId: made(got) }),
  ListKeys: () => ({ PageSize: '5' }),
  UpdateKeyDescription: got => ({ KeyId: made(got), Description: 'several\nlines, “quoted” and 密钥' }),
  SetDeletionProtection: got => ({ ProtectedResourceArn: got.CreateKey.KeyMetadata.Arn, EnableDeletionProtection: 'false' }),
  DisableKey: got => ({ KeyId: made(got) }),
  EnableKey: got => ({ KeyId: made(got) }),
  ScheduleKeyDeletion: got => ({ KeyId: made(got), PendingWindowInDays: '7' }),
  CancelKeyDeletion: got => ({ KeyId: made(got) }),
  CreateKeyVersion: () => ({ KeyId: rsa.KeyId }),
  DescribeKeyVersion: () => builtIn('01'),
  ListKeyVersions: () => ({ KeyId: rsa.KeyId }),
  Encrypt: () => ({ KeyId: aes, Plaintext: 'SGVsbG8=', EncryptionContext: '{"table":"users"}' }),
  Decrypt: got => ({ CiphertextBlob: got.Encrypt.CiphertextBlob, EncryptionContext: '{"table":"users"}' }),
  GenerateDataKey: () => ({ KeyId: aes, KeySpec: 'AES_256' }),
  GenerateDataKeyWithoutPlaintext: () => ({ KeyId: aes, NumberOfBytes: '16' }),
  GenerateAndExportDataKey: () => ({ KeyId: aes, ...wrapping }),
  ExportDataKey: got => ({ CiphertextBlob: got.GenerateDataKey.CiphertextBlob, ...wrapping }),
  ReEncrypt: got => ({ CiphertextBlob: got.GenerateDataKey.CiphertextBlob, DestinationKeyId: builtIn('08').KeyId }),
  GetPublicKey: () => builtIn('01'),
  AsymmetricEncrypt: () => ({ ...rsa, Plaintext: 'SGVsbG8=' }),
  AsymmetricDecrypt: got => ({ ...rsa, CiphertextBlob: got.AsymmetricEncrypt.CiphertextBlob }),
  AsymmetricSign: () => signing,
  AsymmetricVerify: got => ({ ...signing, Value: got.AsymmetricSign.Value }),
  GetParametersForImport: got => ({ KeyId: got.external, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' }),
  ImportKeyMaterial: got => ({ KeyId: got.external, ImportToken: got.GetParametersForImport.ImportToken, EncryptedKeyMaterial: wrapped(got.GetParametersForImport) }),
  DeleteKeyMaterial: got => ({ KeyId: got.external }),
  UpdateRotationPolicy: got => ({ KeyId: made(got), EnableAutomaticRotation: 'true', RotationInterval: '365d' }),
  GetKeyPolicy: got => ({ KeyId: got.ofInstance }),
  SetKeyPolicy: got => ({ KeyId: got.ofInstance, PolicyName: 'default', Policy: got.GetKeyPolicy.Policy }),
  CreateAlias: got => ({ KeyId: made(got), AliasName: 'alias/made' }),
  UpdateAlias: () => ({ KeyId: aes, AliasName: 'alias/made' }),
  DeleteAlias: () => ({ AliasName: 'alias/made' }),
  TagResource: () => ({ KeyId: aes, Tags: tags }),
  ListResourceTags: () => ({ KeyId: aes }),
  UntagResource: () => ({ KeyId: aes, TagKeys: '["team"]' }),
  TagResources: got => ({ ...here, 'ResourceId.1': aes, 'ResourceId.2': made(got), 'Tag.1.Key': 'stage', 'Tag.1.Value': 'test' }),
  ListTagResources: () => ({ ...here, 'ResourceId.1': aes }),
  UntagResources: () => ({ ...here, 'ResourceId.1': aes, 'TagKey.1': 'stage' }),
  CreateSecret: () => ({ SecretName: 'app/db', VersionId: 'v1', SecretData: 'user=“a”\npassword=$b', Description: 'Made on the page' }),
  DescribeSecret: () => ({ SecretName: 'app/db', FetchTags: 'true' }),
  ListSecrets: () => ({}),
  UpdateSecret: () => ({ SecretName: 'app/db', Description: 'two\nlines' }),
  GetSecretValue: () => ({ SecretName: 'app/db' }),
  BatchGetSecretValue: () => ({ SecretsList: '[{"SecretName":"app/db"}]' }),
  PutSecretValue: () => ({ SecretName: 'app/db', VersionId: 'v2', SecretData: 'second' }),
  ListSecretVersionIds: () => ({ SecretName: 'app/db' }),
  UpdateSecretVersionStage: () => ({ SecretName: 'app/db', VersionStage: 'ACSCurrent', MoveToVersion: 'v1', RemoveFromVersion: 'v2' }),
  DeleteSecret: () => ({ SecretName: 'app/db', RecoveryWindowInDays: '7' }),
  RestoreSecret: () => ({ SecretName: 'app/db' }),
  GetSecretPolicy: () => ({ SecretName: 'ofInstance' }),
  SetSecretPolicy: got => ({ SecretName: 'ofInstance', Policy: got.GetSecretPolicy.Policy }),
}

const instance = 'kst-hzz65f176a0ogplgq0001'
const made = got => got.CreateKey.KeyMetadata.KeyId
const hash = (operation, parameters) => `try/${operation}?${new URLSearchParams(parameters)}`

describe('try a call', () => {
  const at = shownPage({ flags: ['--fixture', '../../fixtures/default.yaml', '--fixture', '../conformance/instance.yaml'] })
  const got = {}
  const answer = () => at.page.locator('.answer')

  // opened goes to the form of an operation, filled in by a link.
  async function opened(operation, parameters = {}) {
    const view = await at.view(hash(operation, parameters))
    await view.locator('.tryform h2').getByText(operation, { exact: true }).waitFor()
    return view
  }

  // trial runs what a link fills in, and gives the answer as it is shown.
  async function trial(operation, parameters) {
    const view = await opened(operation, parameters)
    await answer().getByText('Run the call').waitFor()
    await view.getByRole('button', { name: 'Run', exact: true }).click()
    await answer().locator('.chip').waitFor()
    return JSON.parse(await answer().locator('pre').innerText())
  }

  it('every operation of the table answers, and is in the journal as it was written', async () => {
    const { operations } = await at.control('GET', 'operations')
    got.external = (await at.call('CreateKey', { Origin: 'EXTERNAL', KeySpec: 'Aliyun_AES_256' })).KeyMetadata.KeyId
    got.ofInstance = (await at.call('CreateKey', { DKMSInstanceId: instance })).KeyMetadata.KeyId
    await at.call('CreateSecret', { SecretName: 'ofInstance', VersionId: 'v1', SecretData: 's', DKMSInstanceId: instance, EncryptionKeyId: got.ofInstance })
    const names = operations.map(({ name }) => name).sort((a, b) => rank(a) - rank(b))
    for (const name of names) {
      const parameters = trials[name]?.(got) ?? await exampleOf(name)
      got[name] = await trial(name, parameters)
      assert.equal(got[name].Code, undefined, `${name} ${JSON.stringify(parameters)}: ${JSON.stringify(got[name])}`)
      await expectJournaled(name, parameters, got[name].RequestId)
    }
  })

  // rank puts those without a trial of their own behind the others.
  const rank = name => [...Object.keys(trials), name].indexOf(name)

  // exampleOf are the values that the page itself fills in.
  async function exampleOf(name) {
    const view = await opened(name)
    await view.getByRole('button', { name: 'Fill in an example' }).click()
    const fields = view.locator('.tryform .field:has(label)')
    const values = {}
    for (const field of await fields.all()) {
      const label = await field.locator('label').innerText()
      const value = await field.locator('input, textarea, select').first().inputValue()
      if (label !== 'Caller' && value !== '') values[label] = value
    }
    return values
  }

  async function expectJournaled(name, parameters, requestId) {
    const { scheme, operation, parameters: kept } = await at.control('GET', `requests/${requestId}`)
    assert.deepEqual([scheme, operation], ['try', name])
    for (const [key, value] of Object.entries(parameters)) {
      if (!/^\(\d+ bytes\)$/.test(kept[key])) assert.equal(kept[key], value, `${name} ${key}`)
    }
  }

  it('takes text for base64, and shows what is answered as text', async () => {
    const view = await opened('AsymmetricEncrypt', rsa)
    await view.getByLabel('How Plaintext is written').selectOption('text')
    await view.getByLabel('Plaintext', { exact: true }).fill('grüße 密钥')
    await view.getByRole('button', { name: 'Run', exact: true }).click()
    await answer().getByRole('link', { name: 'Go on with AsymmetricDecrypt' }).click()
    await view.locator('.tryform h2').getByText('AsymmetricDecrypt').waitFor()
    await view.getByRole('button', { name: 'Run', exact: true }).click()
    await answer().getByText('grüße 密钥').waitFor()
  })

  it('says beside the field what is wrong with it', async () => {
    const view = await opened('ListKeys', { PageSize: 'many' })
    await view.getByRole('button', { name: 'Run', exact: true }).click()
    await answer().locator('.chip').getByText('400').waitFor()
    await answer().getByText('PageSize').first().waitFor()
    await answer().getByRole('link', { name: 'Why?' }).click()
    await at.page.locator('.detail h2').getByText('ListKeys').waitFor()
  })

  it('says that a client would have met a reset', async () => {
    await at.control('PUT', 'faults/reset', { match: { operation: 'DescribeRegions' }, script: [{ connection: 'reset' }] })
    const view = await opened('DescribeRegions')
    await view.getByRole('button', { name: 'Run', exact: true }).click()
    await answer().getByText('a reset connection').waitFor()
  })

  it('acts as a caller with its policy', async () => {
    const before = await at.control('GET', 'scenario')
    const statement = { Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' }
    await at.control('PUT', 'scenario', { credentials: [{ accessKeyId: 'reader', accessKeySecret: 's', policy: { Version: '1', Statement: [statement] } }] })
    for (const [operation, status] of [['ListKeys', '200'], ['ListAliases', '403']]) {
      const view = await opened(operation, { caller: 'reader' })
      await view.getByRole('button', { name: 'Run', exact: true }).click()
      await answer().locator('.chip').getByText(status).waitFor()
    }
    await at.control('PUT', 'scenario', before)
  })

  it('sends an empty text where one is allowed', async () => {
    const answered = await trial('UpdateKeyDescription', { KeyId: aes })
    assert.equal(answered.Code, undefined)
    assert.equal((await at.call('DescribeKey', { KeyId: aes })).KeyMetadata.Description, '')
  })

  it('keeps what a link holds, whatever it is', async () => {
    const text = '100%41 & a+b=c #d "e"\n\\ é'
    const view = await opened('Encrypt', { KeyId: aes, Plaintext: text })
    assert.equal(await view.getByLabel('Plaintext', { exact: true }).inputValue(), text)
  })

  it('shows the call as a program of each client, and gives it as a file', async () => {
    const view = await opened('Encrypt', { KeyId: 'alias/demo-aes-256', Plaintext: 'it\'s "$here"' })
    const code = view.locator('.sample pre')
    const tabs = view.getByRole('tab')
    const programs = new Set()
    for (const tab of await tabs.all()) {
      await tab.click()
      await view.locator(`.sample pre[data-sdk="${await tab.getAttribute('data-sdk')}"]`).filter({ hasText: 'alias/demo-aes-256' }).waitFor()
      programs.add(await code.innerText())
      const [download] = await Promise.all([at.page.waitForEvent('download'), view.locator('.sample').getByRole('button', { name: 'Download' }).click()])
      assert.match(download.suggestedFilename(), /^\w+\.(go|java|py|mjs|js|sh)$/)
    }
    assert.equal(programs.size, await tabs.count())
  })
})
