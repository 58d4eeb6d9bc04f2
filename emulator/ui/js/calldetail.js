import { get } from './api.js'
import { failNext } from './failnext.js'
import { copyButton } from './clipboard.js'
import { asCurl } from './curl.js'
import { chip, empty, facts, fill, h } from './dom.js'
import { fullTime, milliseconds, statusKind, statusText } from './format.js'
import { trialHash } from './trialhash.js'

// Detail shows one call: what was sent, what the signature was worth, and why it
// was decided as it was. The event "closed" says that the reader is done.
export class Detail {
  constructor(feed) {
    this.feed = feed
    this.element = h('aside.card.detail', { hidden: true, 'aria-label': 'The chosen call', tabIndex: -1 })
    this.element.addEventListener('keydown', event => {
      if (event.key === 'Escape') this.close()
    })
  }

  close() {
    this.element.hidden = true
    this.element.dispatchEvent(new Event('closed'))
  }

  // show shows the call with an id; none: nothing.
  async show(requestId) {
    this.requestId = requestId || this.requestId
    this.element.hidden = !requestId
    if (!requestId) return
    const known = this.feed.find(requestId)
    if (known) this.draw(known)
    else fill(this.element, this.title('Call'))
    this.element.focus()
    try {
      const call = await get(`requests/${encodeURIComponent(requestId)}`)
      if (this.requestId === requestId) this.draw(call)
    } catch (error) {
      this.element.append(empty('The reasons of this call are gone', h('p', {}, error.status === 404 ? 'The journal no longer has it: it keeps the latest calls, and a reset empties it.' : error.message)))
    }
  }

  title(text, ...more) {
    return h('div.bar.detail-head', {}, h('h2', {}, text), more, h('span.grow'),
      h('button.plain', { type: 'button', 'aria-label': 'Close', onclick: () => this.close() }, 'Close'))
  }

  draw(call) {
    const focused = this.element.contains(document.activeElement) && document.activeElement !== this.element
    if (focused) this.element.focus()
    fill(this.element,
      this.title(call.operation || '(no action)', chip(statusText(call.status), statusKind(call.status))),
      call.code && h('p', {}, h('code', {}, call.code)),
      h('div.bar', {}, copyButton(() => asCurl(call), 'Copy as curl', 'The command is copied'),
        h('a.button.small', { href: trialHash(call) }, 'Try it again')),
      failNext(call),
      h('h3', {}, 'Why'), decided(call), call.reasons?.length > 0 && reasons(call.reasons),
      h('h3', {}, 'Signature'), h('p', {}, signature(call)),
      h('h3', {}, 'Parameters'), parameters(call.parameters),
      h('h3', {}, 'Call'), about(call))
  }
}

// decided is the journal's sentence. It begins as a part of a line does.
const decided = ({ decided: said = 'asking …' }) => h('p.decided', {}, `${said[0].toUpperCase()}${said.slice(1)}${/[.…]$/.test(said) ? '' : '.'}`)

const outcomes = {
  acted: ['acted', 'fault'],
  passed: ['let it pass', 'on'],
  differs: ['does not fit', ''],
  spent: ['is spent', 'warn'],
  notInForce: ['not in force', 'warn'],
  younger: ['is younger', 'warn'],
  notReached: ['not asked', ''],
}

// reasons are the rules in the order in which they were tried.
function reasons(all) {
  return h('ol.reasons', {}, all.map(({ rule, kind, outcome, why }) => {
    const [text, mark] = outcomes[outcome] ?? [outcome, '']
    return h('li', {},
      h('a', { href: kind === 'quota' ? '#clock' : `#rules/${rule}` }, rule), kind === 'quota' && h('span.hint', {}, ' quota'),
      chip(text, mark),
      why && h('div.hint', {}, why))
  }))
}

// refusals are the codes of a caller who is not accepted.
const refusals = /^(Signature|IncompleteSignature|InvalidSignature|InvalidAccessKeyId|MissingAccessKeyId|InvalidTimeStamp|InvalidSecurityToken|MissingSecurityToken|Forbidden\.AccessKey)/

function signature({ scheme, verified, code, accessKeyId }) {
  const by = accessKeyId ? ` by ${accessKeyId}` : ''
  if (scheme === 'try') return `Made on this page${accessKeyId ? `, as ${accessKeyId}` : ''}; signed by nobody.`
  if (verified) return `${scheme}${by}: checked, and right.`
  if (refusals.test(code)) return `${scheme || 'Not signed'}${by}: refused with ${code}.`
  if (scheme) return `${scheme}${by}: not checked. The scenario has no credentials, so every caller is accepted.`
  return 'Not signed.'
}

function parameters(sent) {
  const names = Object.keys(sent).sort()
  if (names.length === 0) return h('p.hint', {}, 'It was sent without parameters.')
  return facts(names.map(name => [name, h('code', {}, sent[name])]))
}

function about(call) {
  return facts([
    ['time', `${fullTime(call.time)} UTC`],
    ['took', `${milliseconds(call.milliseconds)} ms`],
    ['request id', h('span', {}, h('code', {}, call.requestId), ' ', copyButton(() => call.requestId))],
    ['key', call.keyId && h('a.mono', { href: `#keys/${encodeURIComponent(call.keyId)}` }, call.keyId)],
    ['gateway', call.gateway],
    ['caller', call.accessKeyId],
    ['fault', call.fault && h('a', { href: `#rules/${call.fault}` }, call.fault)],
    ['quota', call.quota && h('a', { href: '#clock' }, call.quota)],
    ['replaced', call.replaced && `the operation had answered ${call.replaced.status} ${call.replaced.code}`],
    ['resent', call.resend && 'the same call again, by an HTTP library below the SDK'],
  ])
}
