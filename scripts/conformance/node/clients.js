// The SDKs, each behind the same functions: connect to an endpoint, which gives
// call (an action and its parameters in, the answer out, named as on the wire),
// and refusal, which reads an error into what the SDK tells of it.
import openapi from '@alicloud/openapi-core'
import PopCore from '@alicloud/pop-core'
import rpc from '@alicloud/rpc-client'
import kms from '@alicloud/kms20160120'
import assert from 'node:assert/strict'

const version = '2016-01-20'
const account = { accessKeyId: 'testid', regionId: 'cn-hangzhou' }

// How the gateway tells that a secret is wrong.
const unlikeV1 = /^Specified signature is not matched with our calculation\. server string to sign is:(GET|POST)&%2F&AccessKeyId%3Dtestid%26Action%3DListKeys%26.*$/
const unlikeV3 = /^Specified signature does not match our calculation\. server StringToSign is \[ACS3-HMAC-SHA256\n[0-9a-f]{64}\]$/

// The typed client of KMS. Fields that its models lack do not arrive.
const typed = {
  name: 'kms20160120',
  package: '@alicloud/kms20160120',
  connect(endpoint, accessKeySecret) {
    const client = new kms.default(new rpc.Config({ ...account, accessKeySecret, endpoint, protocol: 'http' }))
    return async (action, parameters = {}) => {
      const fields = Object.entries(parameters).map(([name, value]) => [initialLower(name), value])
      const answer = await client[initialLower(action)](new kms[action + 'Request'](Object.fromEntries(fields)))
      return answer.toMap()
    }
  },
  refusal(error) {
    const { code, ...told } = readMessage(error)
    assert.ok(code.endsWith('Error'), `code ${code}`)
    return { ...told, code: code.slice(0, -'Error'.length) }
  },
  wrongSecret: unlikeV1,
  can: action => typeof kms.default.prototype[initialLower(action)] === 'function',
  contexts: false,
}

const initialLower = name => name[0].toLowerCase() + name.slice(1)

// readMessage takes an error of a Tea core apart, whose parts have to agree.
function readMessage(error) {
  const parts = /^(\S+): code: (\d+), (.*) request ?id: (\S+)$/s.exec(error.message)
  assert.ok(parts, `message ${error.message}`)
  const [, code, status, message, requestId] = parts
  assert.equal(code, error.code)
  assert.equal(requestId, error.data.RequestId)
  return { status: Number(status), code, message, requestId }
}

// The core of the older generic clients, by GET or by POST. It goes by the Code
// in the body, whatever the status.
const generic = method => ({
  name: 'pop-core by ' + method,
  package: '@alicloud/pop-core',
  connect(endpoint, accessKeySecret) {
    const client = new PopCore({ ...account, accessKeySecret, endpoint: 'http://' + endpoint, apiVersion: version })
    // Its parser makes objects without a prototype; a clone has the usual one.
    return async (action, parameters = {}) => structuredClone(await client.request(action, parameters, { method }))
  },
  refusal(error) {
    assert.equal(error.name, error.code + 'Error')
    assert.equal(error.message, `${error.data.Message}, URL: ${error.url}`)
    return { status: error.entry.response.statusCode, code: error.code, message: error.data.Message, requestId: error.data.RequestId }
  },
  wrongSecret: unlikeV1,
  can: () => true,
})

// The core of the newer clients, with parameters in the query or in a form.
const core = place => ({
  name: `openapi-core with a ${place}`,
  package: '@alicloud/openapi-core',
  connect(endpoint, accessKeySecret) {
    const { Config, OpenApiRequest, Params } = openapi.$OpenApiUtil
    const client = new openapi.default(new Config({ ...account, accessKeySecret, endpoint, protocol: 'http' }))
    return async (action, parameters = {}) => {
      const params = new Params({
        action, version, pathname: '/', method: 'POST', authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
      })
      const texts = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)]))
      const answer = await client.callApi(params, new OpenApiRequest({ [place]: texts }), {})
      assert.equal(answer.statusCode, 200)
      assert.equal(answer.headers['x-acs-request-id'], answer.body.RequestId)
      return answer.body
    }
  },
  refusal(error) {
    const told = readMessage(error)
    assert.equal(told.status, error.statusCode)
    return told
  },
  wrongSecret: unlikeV3,
  can: () => true,
  retryAfter: 100, // it reads x-acs-retry-after, in milliseconds; the others do not
})

export const clients = [typed, generic('GET'), generic('POST'), core('query'), core('body')]
