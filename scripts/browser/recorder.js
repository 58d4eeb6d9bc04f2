import { once } from 'node:events'
import http from 'node:http'

// listen serves on a free port of 127.0.0.1.
export async function listen(handler) {
  const server = http.createServer(handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => new Promise(resolve => { server.close(resolve); server.closeAllConnections() })
  return { server, port: server.address().port, stop }
}

// record stands before alikms at a port of its own. It passes everything on as
// it came, and keeps what was asked and what was answered: an attack that never
// arrives proves nothing.
export async function record(target) {
  const [host, port] = target.split(':')
  const seen = []
  let open = 0
  const { server, stop, port: own } = await listen((request, answer) => {
    open++
    const entry = { method: request.method, url: request.url }
    const onward = http.request({ host, port, method: request.method, path: request.url, headers: request.rawHeaders, setHost: false }, back => {
      entry.status = back.statusCode
      entry.headers = back.headers
      entry.body = ''
      back.setEncoding('utf8').on('data', text => { entry.body += text })
      back.on('end', () => {
        const { 'content-length': _, 'transfer-encoding': __, ...headers } = back.headers
        answer.writeHead(back.statusCode, headers).end(entry.body)
        finish()
      })
    })
    const finish = () => { open--; seen.push(entry); server.emit('recorded') }
    onward.on('error', error => { answer.destroy(); entry.error = error; finish() })
    request.pipe(onward)
  })

  // since waits until something arrived after a mark, and all that did was answered.
  const since = async (mark, limit = 10_000) => {
    const signal = AbortSignal.timeout(limit)
    while (seen.length === mark || open > 0) await once(server, 'recorded', { signal })
    return seen.slice(mark)
  }
  return { port: own, mark: () => seen.length, since, stop }
}
