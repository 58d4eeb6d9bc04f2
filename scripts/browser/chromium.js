import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { chromium } from 'playwright-core'
import { start } from './alikms.js'

export const launch = (...args) => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: false, args })

// refusedLoad is what Chromium itself writes to the console of an answer that is
// no success, as to a rule that is wrong.
const refusedLoad = /^Failed to load resource: the server responded with a status of 4\d\d /

// shownPage keeps an alikms and a tab with its page for the tests of a suite. At
// its end nothing was on the console and nothing was asked of another origin.
export function shownPage({ flags = [], ...options } = {}) {
  const it = { wrong: [] }
  let browser
  before(async () => {
    it.alikms = await start(...flags)
    it.base = `http://${it.alikms.http}`
    browser = await launch()
    it.context = await browser.newContext({ viewport: { width: 1280, height: 860 }, permissions: ['clipboard-read', 'clipboard-write'], ...options })
    it.page = await it.context.newPage()
    it.page.setDefaultTimeout(20_000)
    watch(it)
    await it.page.goto(`${it.base}/`)
  })
  after(async () => {
    await browser?.close()
    await it.alikms?.stop()
    assert.deepEqual(it.wrong, [])
  })
  // view goes to a view by its hash.
  it.view = async hash => {
    await it.page.goto(`${it.base}/#${hash}`)
    return it.page.locator(`#view-${hash.split('/')[0]}`)
  }
  it.control = async (method, path, body) => {
    const answer = await fetch(`${it.base}/_emulator/${path}`, { method, body: body && JSON.stringify(body) })
    assert.equal(answer.status, 200, `${method} ${path}: ${await answer.clone().text()}`)
    return answer.json()
  }
  it.call = async (Action, parameters = {}) => {
    const answer = await fetch(it.base, { method: 'POST', body: new URLSearchParams({ Action, ...parameters }) })
    return answer.json()
  }
  return it
}

function watch({ page, wrong, base }) {
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type()) && !refusedLoad.test(message.text())) wrong.push(message.text())
  })
  page.on('pageerror', error => wrong.push(error.stack))
  page.on('request', request => {
    if (new URL(request.url()).origin !== base && !request.url().startsWith('blob:')) wrong.push(`asked ${request.url()}`)
  })
}
