// What a client has read, a line of JSON each, in the file that
// CONFORMANCE_EVIDENCE names, for the table that ../run makes of it.
import { appendFileSync, readFileSync } from 'node:fs'

const noted = new Set()

// answered notes that the client, named by its package, has read the answer of an
// operation; refused, that it has told an error by its code.
export const answered = (client, operation) => note(client, { operation })
export const refused = (client, error) => note(client, { error })

function note(client, what) {
  const file = process.env.CONFORMANCE_EVIDENCE
  if (!file) return
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${client}/package.json`, import.meta.url)))
  const line = JSON.stringify({ client, version, ...what })
  if (!noted.has(line)) appendFileSync(file, line + '\n')
  noted.add(line)
}
