import assert from 'node:assert/strict'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { chromium } from 'playwright-core'
import { start } from './alikms.js'
import * as attacks from './attacks.js'
import { listen, record } from './recorder.js'

const everything = [...attacks.open, ...attacks.blind]
const fromSandboxesToo = [...everything, ...attacks.further, ...everything.map(attacks.sandboxed)]

// The attacker's names, and those by which alikms is called in a container's
// network, all lead to this machine.
const names = ['evil.example', 'rebound.evil.example', 'alikms', 'kms.cn-hangzhou.aliyuncs.com', 'alikms.test']

// What is tested is alikms's protection, not what some browsers have of their own.
const flags = [
  `--host-resolver-rules=${names.map(name => `MAP ${name} 127.0.0.1`).join(', ')}`,
  '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable',
]

let browser, site
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: false, args: flags })
  site = await listen((request, answer) => answer.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>evil</title><body>'))
})
after(async () => {
  await browser?.close()
  await site?.stop()
})

// secrets are what alikms tells to nobody here: keys, names of keys, calls.
const secrets = /PRIVATE KEY|key-hzz|"Keys"|"requests"|RequestId":"[^"]*".*KeyId|opened/

// running keeps an alikms with its recorder for the tests of a suite.
function running(...flags) {
  const it = {}
  before(async () => {
    it.alikms = await start(...flags)
    it.recorder = await record(it.alikms.http)
    it.state = await it.alikms.state()
  })
  after(async () => {
    await it.recorder?.stop()
    await it.alikms?.stop()
  })
  return it
}

// opened gives a page at an address. The first answer there is the attacker's,
// all later ones are those of who listens: that is what DNS rebinding does.
async function opened(url) {
  const context = await browser.newContext()
  const page = await context.newPage()
  const rebinding = `${url}/attack`
  await page.route(rebinding, route => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>evil</title><body>' }))
  await page.goto(rebinding)
  await page.unroute(rebinding)
  return page
}

async function expectUnchanged(target) {
  const before = target.state
  target.state = await target.alikms.state() // a change is held against one test only
  assert.deepEqual(target.state, before)
}

// expectHarmless runs one attack, and checks that it arrived, was refused, read
// nothing and changed nothing. It returns the refusals.
async function expectHarmless(page, { run, how }, base, target) {
  const { recorder } = target
  const mark = recorder.mark()
  const read = await page.evaluate(run, { base, ...how })
  const arrived = await recorder.since(mark)
  await expectUnchanged(target)
  assert.doesNotMatch(String(read), secrets)
  for (const { method, url, status } of arrived) {
    assert.ok(status >= 400 && status < 500, `${method} ${url} is answered ${status}`)
  }
  return arrived
}

function expectHostNotAllowed({ status, headers, body }) {
  assert.equal(status, 403, body)
  assert.match(headers['content-type'], /^application\/json/)
  assert.match(JSON.stringify(JSON.parse(body)), /HostNotAllowed/)
  assert.match(body, /--allow-host/)
}

// attacked runs each attack as a test, from a page to a base URL of alikms.
function attacked(title, tried, { from, to }, check = () => {}) {
  describe(title, { concurrency: 1 }, () => {
    const target = running()
    let page
    before(async () => { page = await opened(from(target.recorder.port)) })
    after(() => page?.context().close())
    for (const attack of tried) {
      // A frame that is given a file to keep never says that it has loaded.
      it(`${title}: ${attack.name}`, { timeout: 15_000 }, async () => {
        for (const answer of await expectHarmless(page, attack, to(target.recorder.port), target)) check(answer)
      })
    }
  })
}

const at = host => port => `http://${host}:${port}`
const evilSite = () => `http://evil.example:${site.port}`

// Each suite has an alikms and a page of its own, so some run side by side; the
// attacks of one come one by one.
describe('pages of other sites', { concurrency: 3 }, () => {
  attacked('a page whose name was rebound to alikms', fromSandboxesToo, { from: at('evil.example'), to: at('evil.example') }, expectHostNotAllowed)
  attacked('a page at another port of the rebound name', everything, { from: evilSite, to: at('evil.example') }, expectHostNotAllowed)
  attacked('a page below whose name alikms is', everything, { from: evilSite, to: at('rebound.evil.example') }, expectHostNotAllowed)
  attacked('another site against 127.0.0.1', fromSandboxesToo, { from: evilSite, to: at('127.0.0.1') })
  attacked('another site against localhost', everything, { from: evilSite, to: at('localhost') })
  attacked('a local server of another port against 127.0.0.1', everything, { from: () => `http://127.0.0.1:${site.port}`, to: at('127.0.0.1') })
  // Over plain HTTP to these names a GET without an Origin cannot be told from a program's.
  for (const name of ['alikms', 'kms.cn-hangzhou.aliyuncs.com', 'alikms.test']) {
    attacked(`another site against ${name}`, attacks.open, { from: evilSite, to: at(name) })
  }
})

describe('a page of alikms', () => {
  const target = running()

  for (const path of ['export', 'ui/', 'requests', 'requests/stream', '..', 'keys']) {
    it(`is not shown under another name: ${path}`, async () => {
      const context = await browser.newContext()
      const page = await context.newPage()
      const answer = await page.goto(`http://evil.example:${target.recorder.port}/_emulator/${path}`)
      expectHostNotAllowed({ status: answer.status(), headers: answer.headers(), body: await answer.text() })
      assert.doesNotMatch(await page.content(), secrets)
      await context.close()
    })
  }

  it('is not shown over HTTPS under another name', async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    const page = await context.newPage()
    const port = target.alikms.https.split(':')[1]
    await assert.rejects(page.goto(`https://evil.example:${port}/_emulator/export`), /ERR_SSL|ERR_CERT|ERR_CONNECTION/)
    await context.close()
  })

  it('may call alikms', async () => {
    const page = await opened(`http://127.0.0.1:${target.recorder.port}`)
    assert.match(await page.evaluate(() => fetch('/_emulator/export').then(answer => answer.text())), /PRIVATE KEY/)
    assert.match(await page.evaluate(() => fetch('/', { method: 'POST', body: new URLSearchParams({ Action: 'ListKeys' }) }).then(answer => answer.text())), /key-hzz/)
    await page.context().close()
  })
})

// The same attack succeeds where it is allowed: the tests above can fail.
describe('a name given with --allow-host', () => {
  const target = running('--allow-host', 'evil.example')
  it('may read', async () => {
    const page = await opened(`http://evil.example:${target.recorder.port}`)
    assert.match(await page.evaluate(() => fetch('/_emulator/export').then(answer => answer.text())), secrets)
    await page.context().close()
  })
})

// A program can leave out every header that a browser sends.
describe('a request without an Origin', () => {
  const target = running()
  const requests = {
    'GET API': 'GET /?Action=CreateKey&KeySpec=RSA_2048 HTTP/1.1\r\nHost: HOST\r\n',
    'POST API': 'POST / HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 35\r\n',
    'GET export': 'GET /_emulator/export HTTP/1.1\r\nHost: HOST\r\n',
    'GET page': 'GET /_emulator/ui/ HTTP/1.1\r\nHost: HOST\r\n',
    'GET front': 'GET / HTTP/1.1\r\nHost: HOST\r\nAccept: text/html\r\n',
    'GET stream': 'GET /_emulator/requests/stream HTTP/1.1\r\nHost: HOST\r\n',
    'POST reset': 'POST /_emulator/reset HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n',
    'absolute URL': 'GET http://HOST/_emulator/export HTTP/1.1\r\nHost: 127.0.0.1\r\n',
    'WebSocket': 'GET /_emulator/requests HTTP/1.1\r\nHost: HOST\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  }
  for (const host of ['evil.example', 'EVIL.example:8080', '127.0.0.1.evil.example', 'localhost.evil.example', 'kms.under_score.aliyuncs.com']) {
    for (const [name, request] of Object.entries(requests)) {
      it(`to ${host}: ${name}`, async () => {
        expectHostNotAllowed(await spoken(target.alikms.http, request.replaceAll('HOST', host)))
        await expectUnchanged(target)
      })
    }
  }
})

// spoken sends a head as it is, and the form that it may announce.
async function spoken(address, head) {
  const [host, port] = address.split(':')
  const socket = net.connect({ host, port })
  socket.end(`${head}Connection: close\r\n\r\n${head.includes('Length: 35') ? 'Action=CreateKey&KeySpec=RSA_2048&a' : ''}`)
  let text = ''
  for await (const piece of socket.setEncoding('utf8')) text += piece
  const [top, body] = text.split('\r\n\r\n')
  const [, type] = top.match(/^content-type: *(.*)$/im)
  return { status: Number(top.split(' ')[1]), headers: { 'content-type': type }, body }
}
