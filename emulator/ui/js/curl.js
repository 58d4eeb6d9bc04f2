import { endpoint } from './endpoint.js'

// asCurl is a command that makes a call of the journal again. The journal keeps no
// secrets and no long values: those are left to be filled in. curl signs nothing, so
// where the caller was checked the call is tried as that caller.
export async function asCurl(call) {
  const sent = Object.entries(call.parameters).filter(([name]) => !common.includes(name))
  const lacking = sent.filter(([, value]) => size.test(value)).map(([name, value]) => `# ${name}: ${value.slice(1, -1)}, which the journal does not keep: fill them in.`)
  const command = call.verified || call.scheme === 'try' && call.accessKeyId ? asCaller(call, sent) : await unsigned(call, sent)
  return [...lacking, command].join('\n')
}

// size is what the journal keeps of a value that is secret or long.
const size = /^\((\d+) bytes\)$/

// common are parameters that are said otherwise, or not needed.
const common = ['Action', 'Format', 'Version', 'RegionId']

async function unsigned({ operation }, sent) {
  const fields = sent.map(([name, value]) => `  --data-urlencode ${quoted(`${name}=${filledIn(value)}`)}`)
  return [`curl -s ${await endpoint()} -d Action=${quoted(operation)}`, ...fields].join(' \\\n')
}

function asCaller({ operation, accessKeyId }, sent) {
  const parameters = Object.fromEntries(sent.map(([name, value]) => [name, filledIn(value)]))
  return `curl -s ${location.origin}/_emulator/try -d ${quoted(JSON.stringify({ operation, accessKeyId, parameters }))}`
}

const filledIn = value => size.test(value) ? '' : value

// quoted is a text for a POSIX shell.
const quoted = text => /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
