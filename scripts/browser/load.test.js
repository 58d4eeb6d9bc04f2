// What the page does under many calls.
import assert from 'node:assert/strict'
import http from 'node:http'
import { before, describe, it } from 'node:test'
import { shownPage } from './chromium.js'

const perSecond = 1000
const seconds = 5

// callMany makes calls at an even pace, and returns how many were answered, and in
// how many seconds.
async function callMany(address) {
  const [host, port] = address.split(':')
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 })
  const call = n => new Promise((resolve, reject) => {
    const sent = http.request({ host, port, agent, method: 'POST', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }, answer => answer.resume().on('end', resolve))
    sent.on('error', reject)
    sent.end(`Action=DescribeKey&KeyId=alias/demo-sm2&n=${n}`)
  })
  const began = performance.now()
  const pending = []
  for (let n = 0; n < perSecond * seconds;) {
    const due = Math.min((performance.now() - began) / 1000 * perSecond, perSecond * seconds)
    while (n < due) pending.push(call(n++))
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  await Promise.all(pending)
  agent.destroy()
  return { calls: pending.length, took: (performance.now() - began) / 1000 }
}

// watchFrames measures, in the page, the longest time without a frame, and how long
// keys take to be seen.
function watchFrames() {
  window.measured = { frames: 0, longest: 0, keys: [], rows: 0 }
  let before = performance.now()
  const frame = now => {
    measured.frames++
    measured.longest = Math.max(measured.longest, now - before)
    measured.rows = Math.max(measured.rows, document.querySelectorAll('#view-calls tbody tr').length)
    before = now
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
  document.addEventListener('keydown', event => {
    requestAnimationFrame(() => measured.keys.push(performance.now() - event.timeStamp))
  }, true)
}

describe('a thousand calls a second', () => {
  const at = shownPage()
  before(() => at.page.setDefaultTimeout(120_000)) // how long it takes is measured, and fails nothing

  it('leave the page in the hands of who uses it', async t => {
    const view = await at.view('calls')
    await at.page.locator('.link.live').waitFor()
    await at.page.evaluate(watchFrames)
    const calling = callMany(at.alikms.http)
    let called = false
    calling.then(() => { called = true })
    const filter = view.getByRole('searchbox')
    let typed = 0
    while (!called) {
      await filter.pressSequentially('describe status:2', { delay: 20 })
      assert.equal(await filter.inputValue(), 'describe status:2')
      await filter.fill('')
      typed++
    }
    const { calls, took } = await calling
    const { frames, longest, keys, rows } = await at.page.evaluate(() => measured)
    keys.sort((a, b) => a - b)
    t.diagnostic(`${calls} calls in ${took.toFixed(1)} s; ${frames} frames, the longest ${longest.toFixed(0)} ms; ${keys.length} keys, seen after ${keys[keys.length >> 1].toFixed(0)} ms at the median, ${keys.at(-1).toFixed(0)} ms at most; ${rows} rows`)
    assert.ok(typed > 0 && keys.length > 0)
    assert.ok(rows <= 100, `${rows} rows`)
    await view.locator('tbody tr').nth(99).waitFor()
    await view.getByText('1,000 calls').waitFor()
    assert.equal(await view.locator('tbody tr').count(), 100)
  })

  it('are looked at one by one when the list stands still', async () => {
    const view = await at.view('calls')
    const calling = callMany(at.alikms.http)
    await view.getByRole('button', { name: 'Pause' }).click()
    const row = view.locator('tbody tr').nth(3)
    await row.click()
    await view.locator('.detail').getByText('alias/demo-sm2').first().waitFor()
    await calling
    await view.getByRole('button', { name: 'Go on' }).click()
    await at.call('ListAliases')
    await view.locator('tbody tr').first().getByText('ListAliases').waitFor()
  })
})
