// The node:test recipe as a user has it: see ../recipe.test.js.
import kms20160120, { GenerateDataKeyRequest, ListKeysRequest } from '@alicloud/kms20160120'
import rpc from '@alicloud/rpc-client'
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { alikms } from '../../../recipes/node/alikms.mjs'

const kms = alikms()
const client = (accessKeyId = kms.accessKeyId) => new kms20160120.default(new rpc.Config({
  accessKeyId, accessKeySecret: 'any', regionId: 'cn-hangzhou', endpoint: kms.endpoint, protocol: 'http',
}))

// The code under test: it tries three times.
async function pay(by = client()) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await by.generateDataKey(new GenerateDataKeyRequest({ keyId: 'alias/demo-aes-256' }))
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

const codes = async where => (await kms.calls({ operation: 'GenerateDataKey', ...where })).map(call => call.code)

for (let turn = 0; turn < 10; turn++) {
  it('tries a throttled payment again', async () => {
    await kms.failNext('GenerateDataKey', 'Rejected.Throttling')
    await kms.failNext('GenerateDataKey', 'InternalFailure')
    await pay()
    assert.deepEqual(await codes(), ['InternalFailure', 'Rejected.Throttling', '']) // the later fault is in front
    await kms.failNext('GenerateDataKey', 'InternalFailure')
    await kms.reset()
    await pay()
    assert.equal((await codes()).at(-1), '')
  })
}

it('does not meet the faults of another suite', async () => {
  await kms.failNext('GenerateDataKey', 'Rejected.Throttling')
  await Promise.all([pay(client('another-' + kms.accessKeyId)), pay()])
  assert.deepEqual(await codes(), ['Rejected.Throttling', ''])
  assert.deepEqual(await codes({ accessKeyId: 'another-' + kms.accessKeyId }), [''])
})

it('says what is wrong', () => assert.rejects(kms.failNext('GenerateDatakey', 'InternalFailure'), /did you mean GenerateDataKey/))

it('loads a scenario', { skip: 'ALIKMS_ENDPOINT' in process.env && 'it is for all who share the alikms' }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recipe-'))
  writeFileSync(join(folder, 'scenario.yaml'), 'keys: [{keyId: mine, keySpec: Aliyun_AES_256, keyUsage: ENCRYPT/DECRYPT}]')
  await kms.load(join(folder, 'scenario.yaml'))
  rmSync(folder, { recursive: true })
  const listed = await client().listKeys(new ListKeysRequest({}))
  assert.deepEqual(listed.keys.key.map(key => key.keyId), ['mine'])
})
