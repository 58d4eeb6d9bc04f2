// What is written in the filter of the calls.

const names = {
  operation: call => call.operation,
  op: call => call.operation,
  key: call => `${call.keyId} ${call.parameters.KeyId ?? ''}`,
  caller: call => call.accessKeyId,
  code: call => call.code,
  fault: call => call.fault,
  quota: call => call.quota,
  gateway: call => call.gateway,
  scheme: call => call.scheme,
  id: call => call.requestId,
}

// filterOf makes of a text a function that reports whether a call fits: each word
// has to be in it somewhere, name:value in that place, status:5 at its beginning,
// and what begins with a dash nowhere.
export function filterOf(text) {
  const tests = text.trim().toLowerCase().split(/\s+/).filter(Boolean).map(testOf)
  return call => tests.every(test => test(call))
}

function testOf(word) {
  if (word.length > 1 && word.startsWith('-')) {
    const test = testOf(word.slice(1))
    return call => !test(call)
  }
  const [, name, value] = word.match(/^([a-z]+):(.*)$/) ?? []
  if (name === 'status') return call => String(call.status).startsWith(value.replace(/x+$/, ''))
  if (Object.hasOwn(names, name ?? '')) return call => names[name](call).toLowerCase().includes(value)
  return call => everything(call).includes(word)
}

const everything = call => [
  call.operation, call.accessKeyId, call.keyId, call.code, call.fault, call.quota, call.gateway, call.requestId, call.status, ...Object.values(call.parameters),
].join('\n').toLowerCase()
