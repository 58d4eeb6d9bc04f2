import { chip, facts, h } from './dom.js'
import { copyButton } from './clipboard.js'
import { statusKind, statusText } from './format.js'
import { textOf } from './trycontrol.js'

// met says what the client of a call would have met instead of an answer, or beside it.
const met = {
  reset: 'A client would have met a reset connection, without an answer.',
  truncate: 'A client would have got this half of the answer, and then a closed connection.',
  closed: 'The connection was closed without an answer: a reset or a stop dropped the call.',
}

// answerOf shows what a call was answered: {status, headers, body, connection}.
export function answerOf({ status, headers, body, connection }, call) {
  const read = readBody(body)
  const shown = typeof read === 'string' ? read : JSON.stringify(read, null, 2)
  const requestId = read?.RequestId
  return [
    h('div.bar', {}, h('h2', {}, 'Answer'), chip(statusText(status), statusKind(status)), read?.Code && h('code', {}, read.Code), h('span.grow'),
      requestId && h('a.button.small', { href: `#calls/${requestId}` }, 'Why?'), copyButton(() => shown)),
    connection && h('p.note', {}, met[connection]),
    read?.Code && h('p', {}, read.Message),
    shown && h('pre.code.wrap', { tabIndex: 0, 'aria-label': 'Body of the answer' }, shown),
    decoded(read),
    onward(read, call),
    h('details', {}, h('summary', {}, 'Headers'), facts(Object.entries(headers).map(([name, value]) => [name, h('code', {}, [value].flat().join(', '))]))),
  ]
}

// refusalOf shows why a call was not made at all.
export const refusalOf = error => [
  h('div.bar', {}, h('h2', {}, 'Not run'), chip('refused', 'bad')),
  h('p', {}, 'alikms did not make this call:'),
  h('ul', {}, error.problems.map(({ path, message }) => h('li', {}, path && h('code', {}, `${path} `), message))),
]

function readBody(body) {
  if (typeof body !== 'string') return body
  try { return JSON.parse(body) } catch { return body }
}

// decoded shows what base64 of the answer is the text of.
function decoded(read) {
  const texts = ['Plaintext'].filter(name => typeof read?.[name] === 'string').map(name => [`${name}, decoded`, textOf(read[name])])
  return texts.some(([, text]) => text) && facts(texts.map(([name, text]) => [name, text && h('code', {}, text)]))
}

// What an answer is good for: the operation, which of its values go there, and
// which of what was sent.
const next = {
  Encrypt: ['Decrypt', ['CiphertextBlob'], ['EncryptionContext']],
  GenerateDataKey: ['Decrypt', ['CiphertextBlob'], ['EncryptionContext']],
  GenerateDataKeyWithoutPlaintext: ['Decrypt', ['CiphertextBlob'], ['EncryptionContext']],
  AsymmetricEncrypt: ['AsymmetricDecrypt', ['KeyId', 'KeyVersionId', 'CiphertextBlob'], ['Algorithm']],
  CreateSecret: ['GetSecretValue', ['SecretName'], []],
  PutSecretValue: ['GetSecretValue', ['SecretName'], []],
  AsymmetricSign: ['AsymmetricVerify', ['KeyId', 'KeyVersionId', 'Value'], ['Algorithm', 'Digest']],
}

function onward(read, { operation, parameters, accessKeyId }) {
  const [name, answered, sent] = next[operation] ?? []
  if (!name || read?.Code || typeof read !== 'object') return null
  const query = new URLSearchParams()
  for (const key of answered) query.set(key, read[key])
  for (const key of sent) if (parameters[key]) query.set(key, parameters[key])
  if (accessKeyId) query.set('caller', accessKeyId)
  return h('div.bar', {}, h('a.button.small', { href: `#try/${name}?${query}` }, `Go on with ${name}`))
}
