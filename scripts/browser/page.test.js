// The page, view by view, as who uses it sees it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import PopCore from '@alicloud/pop-core'
import { shownPage } from './chromium.js'

const run = promisify(execFile)
const aes = { KeyId: 'key-hzz630494463ejqjx0007' }

// sdk is an official client, of an AccessKey.
const sdk = (base, accessKeyId = 'suite-a') => new PopCore({ accessKeyId, accessKeySecret: 'any', endpoint: base, apiVersion: '2016-01-20' })

// shows waits until a place has a text, or one that a pattern fits.
const shows = async (place, text) => place.filter({ hasText: text }).first().waitFor()
const button = (place, name) => place.getByRole('button', { name, exact: true })
const copied = page => page.evaluate(() => navigator.clipboard.readText())

describe('calls', () => {
  const at = shownPage()

  it('says what to do where there are none', async () => {
    const view = await at.view('calls')
    await shows(view, 'No calls yet')
    await button(view, 'Copy').click()
    const [command, ...args] = (await copied(at.page)).split(' ')
    assert.equal(command, 'curl')
    const { stdout } = await run(command, args)
    assert.match(stdout, /"Keys"/)
  })

  it('shows a call the moment it is answered', async () => {
    const view = await at.view('calls')
    await shows(view.locator('tbody tr'), 'ListKeys')
    await sdk(at.base).request('Encrypt', { ...aes, Plaintext: 'aGVsbG8=' }, { method: 'POST' })
    const row = view.locator('tbody tr').first()
    await shows(row, 'Encrypt')
    for (const text of ['200', aes.KeyId, 'suite-a']) await shows(row, text)
  })

  it('filters, and says so when nothing fits', async () => {
    const view = await at.view('calls')
    await at.page.keyboard.press('/')
    await at.page.keyboard.type('caller:suite-a status:2xx -ListKeys')
    assert.equal(await view.locator('tbody tr').count(), 1)
    await at.page.keyboard.type(' nothing')
    await shows(view, 'No call fits this filter')
    await button(view, 'Show all calls').click()
    assert.equal(await view.locator('tbody tr').count(), 2)
  })

  it('stands still while it is paused, and goes on', async () => {
    const view = await at.view('calls')
    await button(view, 'Pause').click()
    await at.call('ListAliases')
    await shows(view, '1 new')
    assert.equal(await view.locator('tbody tr').filter({ hasText: 'ListAliases' }).count(), 0)
    await button(view, 'Go on').click()
    await shows(view.locator('tbody tr').first(), 'ListAliases')
  })

  it('opens to parameters, signature and reasons', async () => {
    await at.control('PUT', 'faults/elsewhere', { match: { operation: 'Decrypt' }, error: 'InternalFailure' })
    await sdk(at.base).request('Encrypt', { ...aes, Plaintext: 'aGVsbG8=' }, { method: 'POST' })
    const view = await at.view('calls')
    await view.locator('tbody tr').filter({ hasText: 'Encrypt' }).first().click()
    const detail = view.locator('.detail')
    for (const text of ['elsewhere', 'does not fit', 'V1 by suite-a: not checked', '(5 bytes)', aes.KeyId]) await shows(detail, text)
    const { requests } = await at.control('GET', 'requests?operation=Encrypt&limit=1')
    const { decided } = await at.control('GET', `requests/${requests[0].requestId}`)
    await shows(detail.locator('.decided'), decided)
  })

  it('gives a call as a command that works', async () => {
    await at.call('DescribeKey', { KeyId: 'alias/demo-sm2' })
    const view = await at.view('calls')
    await view.locator('tbody tr').filter({ hasText: 'DescribeKey' }).first().click()
    await button(view.locator('.detail'), 'Copy as curl').click()
    const { stdout } = await run('bash', ['-c', await copied(at.page)])
    assert.equal(JSON.parse(stdout).KeyMetadata.KeyId, 'key-hzz630494463ejqjx0003')
  })

  it('gives a call that was signed as a command that tries it', async () => {
    const before = await at.control('GET', 'scenario')
    await at.control('PUT', 'scenario', { credentials: [{ accessKeyId: 'suite-c', accessKeySecret: 'any' }] })
    await sdk(at.base, 'suite-c').request('ListKeys', {}, { method: 'POST' })
    const view = await at.view('calls')
    await view.locator('tbody tr').filter({ hasText: 'suite-c' }).first().click()
    await shows(view.locator('.detail'), 'V1 by suite-c: checked, and right')
    await button(view.locator('.detail'), 'Copy as curl').click()
    const { stdout } = await run('bash', ['-c', await copied(at.page)])
    assert.equal(JSON.parse(stdout).status, 200)
    await at.control('PUT', 'scenario', before)
  })

  it('fails the next call like one, and lets others be', async () => {
    const client = sdk(at.base, 'suite-b')
    const encrypt = () => client.request('Encrypt', { ...aes, Plaintext: 'aGVsbG8=' }, { method: 'POST' })
    await encrypt()
    const view = await at.view('calls')
    await view.locator('tbody tr').filter({ hasText: 'suite-b' }).first().click()
    const detail = view.locator('.detail')
    await detail.getByLabel('With which error').selectOption('ServiceUnavailableTemporary')
    await button(detail, 'Fail the next one like it').click()
    await shows(at.page.locator('.said'), 'The next Encrypt like it meets ServiceUnavailableTemporary')
    await sdk(at.base, 'suite-a').request('Encrypt', { ...aes, Plaintext: 'aGVsbG8=' }, { method: 'POST' })
    await assert.rejects(encrypt(), { code: 'ServiceUnavailableTemporary' })
    await encrypt()
    await shows(view.locator('tbody tr').filter({ hasText: 'ServiceUnavailableTemporary' }), 'next-encrypt')
    await shows((await at.view('rules')).locator('[data-rule=next-encrypt]'), 'spent')
  })

  it('shows text as text', async () => {
    await at.call('<img src=x onerror=alert(1)>', { '<b>name</b>': '<script>alert(1)</script>' })
    const view = await at.view('calls')
    await view.locator('tbody tr').filter({ hasText: '<img src=x' }).first().click()
    await shows(view.locator('.detail'), '<script>alert(1)</script>')
    assert.equal(await at.page.locator('main img, main script').count(), 0)
  })

  it('forgets all when it is told to', async () => {
    const view = await at.view('calls')
    await button(view, 'Clear').click()
    await shows(view, 'No calls yet')
    assert.equal((await at.control('GET', 'requests')).count, 0)
  })
})

describe('rules', () => {
  const at = shownPage()
  const rule = (view, name) => view.locator(`[data-rule="${name}"]`)

  it('makes one from an example, and shows where its script is', async () => {
    const view = await at.view('rules')
    await shows(view, 'No rules are in force')
    await button(view, 'New rule').click()
    await button(view, 'Fail every third call').click()
    await button(view, 'Save').click()
    const made = rule(view, 'every-third')
    await shows(made.locator('.now'), 'pass')
    for (let i = 0; i < 2; i++) await at.call('AsymmetricDecrypt')
    await shows(made.locator('.now'), 'InternalFailure')
    await shows(made, '0 hits of 2 calls')
    assert.equal((await at.call('AsymmetricDecrypt')).Code, 'InternalFailure')
    await shows(made.locator('.now'), 'pass')
    await shows(made, '1 hit of 3 calls')
  })

  it('says what is wrong at its place, and loses nothing', async () => {
    const view = await at.view('rules')
    await button(view, 'Edit every-third').click()
    const area = view.getByLabel('The rule every-third as YAML')
    const wrong = 'match: {operation: AsymetricDecrypt}\nscript:\n  - eror: InternalFailure\n'
    await area.fill(wrong)
    await button(view, 'Save').click()
    await shows(view.locator('.problems li'), /^1:20.*did you mean AsymmetricDecrypt/)
    await shows(view.locator('.problems li'), /^3:5.*did you mean error/)
    assert.deepEqual(await view.locator('.lines .bad').allTextContents(), ['1', '3'])
    assert.equal(await area.inputValue(), wrong)
    assert.equal(await area.evaluate(e => e.selectionStart), 19)
    await view.locator('.problems button').last().click()
    assert.equal(await area.evaluate(e => e.value.slice(e.selectionStart)), 'eror: InternalFailure\n')
    await area.fill('match: {operation: DescribeKey}\nscript: [{error: Rejected.Throttling, times: 20}]\n')
    await at.page.keyboard.press('Control+Enter')
    await shows(rule(view, 'every-third'), 'DescribeKey')
  })

  it('arms one again, removes it and puts it back', async () => {
    const view = await at.view('rules')
    await at.call('DescribeKey')
    await shows(rule(view, 'every-third'), '1 hit of 1 call')
    await button(view, 'Re-arm every-third').click()
    await shows(rule(view, 'every-third'), '0 hits of 0 calls')
    await button(view, 'Remove every-third').click()
    await shows(view, 'No rules are in force')
    await button(at.page.locator('.said'), 'Put back').click()
    await shows(rule(view, 'every-third'), 'DescribeKey')
  })

  it('names the nearest call, and who takes the calls of a rule', async () => {
    await at.control('PUT', 'faults', { faults: [
      { name: 'takes-all', match: { operation: 'Decrypt' }, delay: '1ms' },
      { name: 'shadowed', match: { operation: 'Decrypt', accessKeyId: 'a' }, error: 'InternalFailure' },
    ] })
    await at.call('ListKeys')
    const view = await at.view('rules')
    await shows(rule(view, 'shadowed'), 'Its calls are all taken by takes-all')
    await rule(view, 'takes-all').getByRole('link', { name: 'nearest call' }).click()
    await shows(at.page.locator('.detail'), 'ListKeys')
  })

  it('changes the order of all', async () => {
    const view = await at.view('rules')
    await button(view, 'Edit all').click()
    await view.getByLabel('All faults as YAML').fill('faults: [{name: second, error: InternalFailure}, {name: first, delay: 1ms}]')
    await button(view, 'Save').click()
    await rule(view, 'first').waitFor()
    assert.deepEqual(await view.locator('[data-rule] h2').allTextContents(), ['second', 'first'])
    await button(view, 'Remove all').click()
    await shows(view, 'No rules are in force')
  })
})

describe('keys, clock and quotas', () => {
  const at = shownPage()

  it('lists keys with versions and aliases, and no material', async () => {
    const view = await at.view('keys')
    const { keys } = await at.control('GET', 'keys')
    await view.locator('tbody tr').nth(keys.length - 1).waitFor()
    await view.getByRole('searchbox').fill('sm2 sign')
    await view.locator('tbody button').first().click()
    await shows(view, '2ab1a983-7072-4bbc-a582-584b5bd80006')
    assert.doesNotMatch(await view.innerText(), /PRIVATE|material:/)
    await view.getByRole('link', { name: 'Try GetPublicKey' }).click()
    assert.equal(await at.page.getByLabel('KeyId', { exact: true }).inputValue(), 'key-hzz630494463ejqjx0006')
  })

  it('lists secrets with versions and stages, and no value', async () => {
    await at.call('CreateSecret', { SecretName: 'app/db', VersionId: 'v1', SecretData: 'undisclosed-one' })
    await at.call('PutSecretValue', { SecretName: 'app/db', VersionId: 'v2', SecretData: 'undisclosed-two' })
    const view = await at.view('secrets')
    await shows(view.locator('article'), 'app/db')
    assert.deepEqual(await view.locator('tbody tr').allInnerTexts().then(rows => rows.map(row => row.split(/\s+/).slice(0, 2))), [['v1', 'ACSPrevious'], ['v2', 'ACSCurrent']])
    assert.doesNotMatch(await at.page.content(), /undisclosed/)
  })

  it('goes to a key by a link with its alias', async () => {
    const view = await at.view('keys/alias%2Fdemo-sm2')
    await shows(view, '2ab1a983-7072-4bbc-a582-584b5bd80003')
  })

  it('fits every width', async () => {
    for (const width of [320, 420, 820, 1280]) {
      await at.page.setViewportSize({ width, height: 860 })
      for (const id of ['calls', 'rules', 'keys', 'secrets', 'clock', 'scenario', 'try']) {
        const view = await at.view(id)
        await view.locator('h1').first().waitFor()
        const beyond = await at.page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth)
        assert.ok(beyond <= 0, `${id} at ${width}: ${beyond} pixels too wide`)
      }
    }
    await at.page.setViewportSize({ width: 1280, height: 860 })
  })

  it('moves the clock, freezes it and lets it run', async () => {
    const view = await at.view('clock')
    await button(view, 'Freeze here').click()
    await shows(view.locator('.chip'), 'frozen')
    const before = new Date((await at.control('GET', 'clock')).now)
    await button(view, 'Advance by 1d').click()
    await shows(view.locator('.big'), new Date(before.getTime() + 86_400_000).toISOString().slice(0, 10))
    await view.getByLabel('Or stand at a time').fill('2026-01-01T00:00:00Z')
    await button(view, 'Freeze there').click()
    await shows(at.page.locator('.clock.frozen'), '2026-01-01 00:00:00')
    await view.getByLabel('Advance by', { exact: true }).fill('5 minutes')
    await button(view, 'Advance').click()
    await shows(view.locator('.wrong'), 'is not a duration')
    assert.equal((await at.control('GET', 'clock')).now, '2026-01-01T00:00:00Z')
  })

  it('fills the bar of a quota, and tells what it refused', async () => {
    const view = await at.view('clock')
    await button(view, 'New quota').click()
    await view.getByLabel('The new rule as YAML').fill('match: {operation: ListKeys}\nrate: 2/s\n')
    await button(view, 'Save').click()
    await shows(view.locator('article'), 'encryptions')
    for (let i = 0; i < 3; i++) await at.call('ListKeys')
    await shows(view.locator('article'), '2/2')
    await shows(view.locator('article .chip'), '1 refused')
    assert.equal(await view.getByRole('meter').getAttribute('aria-valuenow'), '2')
    await button(view, 'Advance by 1s').click()
    await shows(view.locator('article'), '0/2')
    await button(view, 'Run with real time').click()
    await shows(view.locator('.chip'), 'running')
  })
})

describe('scenario', () => {
  const at = shownPage()
  const file = (name, text) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })
  const example = name => readFileSync(`../../fixtures/${name}`, 'utf8')

  it('puts a scenario in force, with the keys beside it', async () => {
    const view = await at.view('scenario')
    await view.locator('input[type=file]').setInputFiles([file('keys.yaml', example('keys.yaml')), file('payments.pem', example('payments.pem'))])
    await shows(view, 'not in force yet')
    await button(view, 'Put in force').click()
    await shows(at.page.locator('.said'), 'The scenario is in force')
    assert.deepEqual((await at.control('GET', 'keys')).keys.map(({ aliases }) => aliases), [['alias/payments']])
  })

  it('names what is wrong, and keeps what is in force', async () => {
    const view = await at.view('scenario')
    await view.locator('input[type=file]').setInputFiles([file('wrong.yaml', 'keys:\n  - {keyId: k, keySpec: RSA_2047, keyUsage: ENCRYPT/DECRYPT}\n')])
    await button(view, 'Put in force').click()
    await shows(view.locator('.problems li'), /^2:\d+.*RSA_2047/)
    assert.equal((await at.control('GET', 'keys')).keys.length, 1)
    await button(view, 'Discard changes').click()
    await shows(view, 'in force')
  })

  it('resets, and gives files to keep', async () => {
    const view = await at.view('scenario')
    await at.call('CreateKey')
    await button(view, 'Reset').click()
    await shows(at.page.locator('.said'), 'All is as the scenario says')
    assert.equal((await at.control('GET', 'keys')).keys.length, 1)
    for (const [name, pattern] of [['Download', /alias\/payments/], ['Download all there is', /PRIVATE KEY/]]) {
      const [download] = await Promise.all([at.page.waitForEvent('download'), button(view, name).click()])
      assert.match(readFileSync(await download.path(), 'utf8'), pattern)
    }
  })
})

describe('a page that is no tab of a mouse', () => {
  const at = shownPage()
  const focused = () => at.page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent)
  // tab goes on until a control has the keyboard.
  const tab = async name => {
    for (let i = 0; i < 60; i++) {
      await at.page.keyboard.press('Tab')
      if ((await focused()).trim() === name) return
    }
    assert.fail(`the keyboard does not come to ${name}`)
  }

  it('is used by keys alone', async () => {
    const { keyboard } = at.page
    await at.call('ListKeys')
    await at.call('ListAliases')
    await shows(at.page.locator('#view-calls tbody'), 'ListAliases')
    await at.page.locator('body').focus()
    await tab('Calls')
    await keyboard.press('ArrowRight')
    assert.equal(await focused(), 'Rules')
    await tab('New rule')
    await keyboard.press('Enter')
    await tab('Slow for one caller')
    await keyboard.press('Space')
    await tab('Save')
    await keyboard.press('Enter')
    await shows(at.page.locator('[data-rule=slow-for-a]'), 'wait 300ms')
    await at.page.goto(`${at.base}/#calls`)
    await at.page.locator('#tab-calls').focus()
    await tab('ListAliases')
    await keyboard.press('ArrowDown')
    assert.equal(await focused(), 'ListKeys')
    await keyboard.press('Enter')
    await shows(at.page.locator('.detail h2'), 'ListKeys')
    assert.equal(await focused(), 'The chosen call')
    await keyboard.press('Escape')
    assert.equal(await focused(), 'ListKeys')
  })

  // ready is what a view shows when it has been told what there is.
  const ready = { calls: 'ListAliases', rules: 'slow-for-a', keys: 'alias/demo-sm2', secrets: 'There are no secrets', clock: 'No quotas', scenario: 'in force', try: 'Plaintext' }

  it('shows where the keyboard is, in every view', async () => {
    for (const id of Object.keys(ready)) {
      const view = await at.view(id)
      await shows(view.locator(id === 'scenario' ? '[role=status]' : '*'), ready[id])
      for (const control of await view.locator('button:visible:enabled, a:visible, input:visible, select:visible').all()) {
        await control.focus()
        await at.page.keyboard.press('Shift')
        const ring = await control.evaluate(e => [e, e.closest('tr')].some(x => x && getComputedStyle(x).outlineStyle !== 'none'))
        assert.ok(ring, `${id}: ${await control.innerText()} has no ring`)
        const name = await control.evaluate(e => e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent)
        assert.ok(name, `${id}: ${await control.evaluate(e => e.outerHTML)} has no name`)
      }
    }
  })
})
