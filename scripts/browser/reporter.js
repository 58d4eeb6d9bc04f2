// A line for each test, what went wrong at the end, and the closing line.
export default async function * report(events) {
  let passed = 0
  const failures = []
  for await (const { type, data } of events) {
    if (type === 'test:stderr' || type === 'test:stdout') yield data.message
    if (type === 'test:diagnostic' && data.nesting > 0) yield `    ${data.message}\n`
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.details.type === 'suite' && !ownFailure(type, data)) continue
    yield `${type === 'test:pass' ? 'ok' : 'FAIL'}  ${data.name}\n`
    if (type === 'test:pass') passed++
    else failures.push(`${data.name}:\n${reason(data.details.error)}\n\n`)
  }
  yield '\n'
  yield * failures
  yield `${passed} passed, ${failures.length} failed\n`
}

// A suite fails with its tests, which are counted; or by itself, when it could
// not begin or end.
const ownFailure = (type, data) => type === 'test:fail' && data.details.error.failureType !== 'subtestsFailed'

const reason = error => String(error.cause?.stack ?? error.cause ?? error)
