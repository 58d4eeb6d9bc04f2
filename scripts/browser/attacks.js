// What a web page can do to a server that it can reach. Each function runs in
// the page; it is given the base URL of alikms, ends when the browser is done
// with the request, and returns what the page could read.

const controls = '/_emulator/'
const createKey = 'Action=CreateKey&KeySpec=RSA_2048'

// read and change are what is tried with fetch.
const reads = [`${controls}export`, `${controls}requests`, `${controls}ui/`, '/?Action=ListKeys']
const changes = [
  ['POST', '/', createKey, 'application/x-www-form-urlencoded'],
  ['POST', `/?${createKey}`, '', 'text/plain'],
  ['POST', `${controls}try`, '{"operation": "CreateKey", "parameters": {"KeySpec": "EC_P256"}}', 'text/plain'],
  ['POST', `${controls}reset`, '', 'text/plain'],
  ['POST', `${controls}clock/advance`, '{"by": "1h"}', 'text/plain'],
  ['PUT', `${controls}faults/evil`, '{"error": {"code": "Evil", "status": 500, "message": "m"}}', 'application/json'],
  ['DELETE', `${controls}requests`, undefined, undefined],
]

// further are controls that are reached as those are.
const furtherReads = ['requests/stream', 'requests/latest', 'keys', 'secrets', 'scenario', 'operations', 'sample?sdk=go&operation=ListKeys', 'ui/js/main.js'].map(path => controls + path)

const get = ({ base, path, options }) => fetch(base + path, options).then(answer => answer.text(), () => '')

const send = ({ base, path, method, body, type, mode }) =>
  fetch(base + path, { method, body, mode, headers: type && { 'Content-Type': type } }).then(answer => answer.text(), () => '')

const xhr = ({ base, path }) => new Promise(resolve => {
  const request = new XMLHttpRequest()
  request.onloadend = () => resolve(request.responseText)
  request.open('GET', base + path)
  request.send()
})

// element lets the browser load something by an element.
const element = ({ base, path, name, attribute }) => new Promise(resolve => {
  const e = document.createElement(name)
  Object.assign(e, { rel: 'stylesheet', [attribute]: base + path, onload: () => resolve(''), onerror: () => resolve('') })
  document.head.append(e)
})

const frame = ({ base, path }) => new Promise(resolve => {
  const e = document.createElement('iframe')
  e.onload = () => {
    try { resolve(e.contentDocument.documentElement.textContent) } catch { resolve('') }
  }
  e.src = base + path
  document.body.append(e)
})

const form = ({ base, path, method, fields, type }) => new Promise(resolve => {
  const target = Object.assign(document.createElement('iframe'), { name: `target${Math.random()}` })
  const e = Object.assign(document.createElement('form'), { method, action: base + path, enctype: type, target: target.name })
  for (const [name, value] of fields) e.append(Object.assign(document.createElement('input'), { name, value }))
  document.body.append(target, e)
  target.onload = () => {
    try { resolve(target.contentDocument.documentElement.textContent) } catch { resolve('') }
  }
  e.submit()
})

const beacon = ({ base, path, body }) => { navigator.sendBeacon(base + path, new Blob([body], { type: 'text/plain' })); return '' }

const webSocket = ({ base, path }) => new Promise(resolve => {
  const socket = new WebSocket(base.replace('http', 'ws') + path)
  socket.onopen = () => resolve('a WebSocket was opened')
  socket.onmessage = ({ data }) => resolve(data)
  socket.onerror = () => resolve('')
})

const eventSource = ({ base, path }) => new Promise(resolve => {
  const source = new EventSource(base + path)
  source.onmessage = ({ data }) => resolve(data)
  source.addEventListener('request', ({ data }) => resolve(data))
  source.onopen = () => resolve('an EventSource was opened')
  source.onerror = () => { source.close(); resolve('') }
})

const attack = (name, run, how) => ({ name, run, how })

const fields = [['Action', 'CreateKey'], ['KeySpec', 'RSA_2048']]

// blind are those whose request has no header that tells a page's from a
// program's, but for names that browsers trust without TLS: a GET, without an Origin.
export const blind = [
  ...reads.slice(0, 1).concat(`/?${createKey}`).flatMap(path => [
    attack(`img ${path}`, element, { path, name: 'img', attribute: 'src' }),
    attack(`script ${path}`, element, { path, name: 'script', attribute: 'src' }),
    attack(`stylesheet ${path}`, element, { path, name: 'link', attribute: 'href' }),
    attack(`iframe ${path}`, frame, { path }),
    attack(`fetch no-cors ${path}`, get, { path, options: { mode: 'no-cors' } }),
    attack(`fetch no-cors, no-referrer ${path}`, get, { path, options: { mode: 'no-cors', referrerPolicy: 'no-referrer' } }),
  ]),
  attack('form GET CreateKey', form, { path: '/', method: 'GET', fields, type: '' }),
]

// open are the others.
export const open = [
  ...reads.flatMap(path => [
    attack(`fetch ${path}`, get, { path }),
    attack(`fetch with credentials ${path}`, get, { path, options: { credentials: 'include' } }),
    attack(`XMLHttpRequest ${path}`, xhr, { path }),
    attack(`WebSocket ${path}`, webSocket, { path }),
    attack(`EventSource ${path}`, eventSource, { path }),
  ]),
  ...changes.map(([method, path, body, type]) => attack(`fetch ${method} ${path}`, send, { path, method, body, type })),
  ...changes.filter(([method]) => method === 'POST').flatMap(([method, path, body, type]) => [
    attack(`fetch no-cors ${method} ${path}`, send, { path, method, body, type, mode: 'no-cors' }),
    attack(`beacon ${path}`, beacon, { path, body }),
  ]),
  attack('form POST CreateKey', form, { path: '/', method: 'POST', fields, type: 'application/x-www-form-urlencoded' }),
  attack('form POST multipart CreateKey', form, { path: `/?${createKey}`, method: 'POST', fields, type: 'multipart/form-data' }),
  attack('form POST text reset', form, { path: `${controls}reset`, method: 'POST', fields: [], type: 'text/plain' }),
]

// further tries the controls that are reached as those above are, one way each.
export const further = [
  ...furtherReads.map(path => attack(`fetch ${path}`, get, { path })),
  attack(`EventSource ${controls}requests/stream`, eventSource, { path: `${controls}requests/stream?limit=1` }),
  attack(`fetch PUT ${controls}scenario`, send, { path: `${controls}scenario`, method: 'PUT', body: '{keys: []}', type: 'application/json' }),
  attack(`iframe ${controls}ui/`, frame, { path: `${controls}ui/` }),
  attack('iframe /', frame, { path: '/' }),
]

// sandboxed runs an attack in a frame whose origin is null.
export const sandboxed = ({ name, run, how }) => attack(`Origin null: ${name}`, ({ base, source, how }) => new Promise(resolve => {
  const e = document.createElement('iframe')
  e.sandbox = 'allow-scripts allow-forms'
  e.srcdoc = `<body><script>(${source})(${JSON.stringify({ base, ...how })}).then(text => parent.postMessage(text, '*'))</script>`
  addEventListener('message', ({ data }) => resolve(data), { once: true })
  document.body.append(e)
}), { source: `async how => (${run})(how)`, how })
