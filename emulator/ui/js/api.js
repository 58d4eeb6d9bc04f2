// The controls, as this page calls them.

const root = '/_emulator/'

// Refused is an answer that is no success: problems are {message, path, line, column},
// as of a scenario file.
export class Refused extends Error {
  constructor(status, problems) {
    super(problems.map(inWords).join('; '))
    this.status = status
    this.problems = problems
  }
}

const inWords = ({ path, message }) => path ? `${path}: ${message}` : message

// call calls a control, and gives its answer with its text.
async function call(method, path, body) {
  let answer
  try {
    answer = await fetch(root + path, { method, body })
  } catch {
    throw new Refused(0, [{ message: `alikms does not answer at ${location.origin}: was it stopped?` }])
  }
  const read = await answer.text()
  if (!answer.ok) throw new Refused(answer.status, problemsOf(read, answer))
  return { answer, read }
}

export const text = async (method, path, body) => (await call(method, path, body)).read

// file gives a text with the name to keep it under.
export async function file(path) {
  const { answer, read } = await call('GET', path)
  const [, name] = answer.headers.get('Content-Disposition')?.match(/filename="([^"]+)"/) ?? []
  return { name, text: read }
}

function problemsOf(read, answer) {
  try {
    const { errors } = JSON.parse(read)
    if (Array.isArray(errors)) return errors
  } catch { /* then it is no answer of a control */ }
  return [{ message: `alikms answers ${answer.status}: ${read.slice(0, 300)}` }]
}

// ask calls a control that answers JSON. What is sent is text, or JSON is made of it.
export async function ask(method, path, body) {
  const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  return JSON.parse(await text(method, path, sent))
}

export const get = path => ask('GET', path)

// named is the path of a rule: its name may hold anything while it is written.
export const named = (kind, name) => `${kind}/${encodeURIComponent(name)}`
