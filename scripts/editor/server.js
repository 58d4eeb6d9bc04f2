import { spawn } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node.js'

const program = fileURLToPath(import.meta.resolve('yaml-language-server/bin/yaml-language-server'))

// start runs yaml-language-server as an editor does. It finds a schema by the
// line that a file begins with, and by nothing else.
export async function start(folder) {
  const child = spawn(process.execPath, [program, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin))
  const settings = { yaml: { validate: true, completion: true, schemaStore: { enable: false } } }
  connection.onRequest('workspace/configuration', ({ items }) => items.map(({ section }) => settings[section] ?? {}))
  connection.onRequest('client/registerCapability', () => null)
  const awaited = new Map() // what waits for the judgement of a file
  connection.onNotification('textDocument/publishDiagnostics', ({ uri, diagnostics }) => {
    awaited.get(uri)?.(diagnostics)
    awaited.delete(uri)
  })
  connection.listen()
  await connection.sendRequest('initialize', {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    capabilities: { workspace: { configuration: true }, textDocument: { completion: { completionItem: { snippetSupport: true } } } }
  })
  await connection.sendNotification('initialized', {})

  let files = 0
  // open shows the server a text, and returns its place and what it finds wrong.
  const open = async text => {
    const uri = pathToFileURL(`${folder}/${++files}.yaml`).href
    const found = new Promise(resolve => awaited.set(uri, resolve))
    await connection.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'yaml', version: 1, text } })
    return { uri, problems: (await found).map(({ message, range }) => `${range.start.line + 1}: ${message}`) }
  }
  return {
    problems: async text => (await open(text)).problems,

    // offered is what completion offers where the text has a |.
    offered: async text => {
      const before = text.slice(0, text.indexOf('|')).split('\n')
      const { uri } = await open(text.replace('|', ''))
      const position = { line: before.length - 1, character: before.at(-1).length }
      const { items } = await connection.sendRequest('textDocument/completion', { textDocument: { uri }, position })
      return items.map(item => item.label)
    },

    stop: async () => {
      await connection.sendRequest('shutdown')
      await connection.sendNotification('exit')
      connection.dispose()
      child.kill()
    }
  }
}
