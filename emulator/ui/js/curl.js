// asCurl is a command that makes a call of the journal again. The journal keeps no
// secrets and no long values: those are left to be filled in.
export function asCurl(call) {
  const lacking = []
  const fields = Object.entries(call.parameters).filter(([name]) => !common.includes(name)).map(([name, value]) => {
    const size = value.match(/^\((\d+) bytes\)$/)
    if (!size) return `  --data-urlencode ${quoted(`${name}=${value}`)}`
    const variable = name.replace(/\W/g, '_')
    lacking.push(`${variable}=''  # ${size[1]} bytes, which the journal does not keep`)
    return `  --data-urlencode "${name}=$${variable}"`
  })
  return [...lacking, [`curl -s ${location.origin} -d Action=${quoted(call.operation)}`, ...fields].join(' \\\n')].join('\n')
}

// common are parameters that curl says otherwise, or does not need.
const common = ['Action', 'Format', 'Version', 'RegionId']

// quoted is a text for a POSIX shell.
const quoted = text => /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
