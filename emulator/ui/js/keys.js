// Keys: what there is, with versions and aliases. No material is shown.

import { get } from './api.js'
import { copyButton } from './clipboard.js'
import { chip, empty, facts, fill, h, head } from './dom.js'
import { counted, fullTime } from './format.js'
import { tried } from './say.js'
import { whileShown } from './whileshown.js'

export const keys = { id: 'keys', title: 'Keys', make }

// most are the keys in the page; a filter finds the others.
const most = 200

const stateKinds = { Enabled: 'good', Disabled: 'warn', PendingDeletion: 'bad', PendingImport: 'warn' }

function make(place, feed) {
  let all = []
  let wanted
  const open = new Set() // the ids of keys whose versions are shown
  const filter = h('input.mono', { type: 'search', placeholder: 'Filter: id, alias, spec, state', 'aria-label': 'Filter of the keys', spellcheck: false, oninput: () => draw() })
  const list = h('div.keylist')
  fill(place, head('Keys', 'Of every account and region, with their versions and aliases. Key material is not shown.', h('div.wide', {}, filter)), list)

  const draw = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
    const fitting = all.filter(key => words.every(word => textOf(key).includes(word)))
    if (all.length === 0) return fill(list, nothing())
    const focus = document.activeElement?.dataset.key
    fill(list, fitting.length === 0 ? empty('No key fits this filter') : table(fitting.slice(0, most)),
      fitting.length > most && h('p.hint.beyond', {}, `And ${counted(fitting.length - most, 'key')} more: the filter finds them.`))
    if (focus) list.querySelector(`button[data-key="${CSS.escape(focus)}"]`)?.focus()
  }

  const toggle = key => {
    if (!open.delete(key.keyId)) open.add(key.keyId)
    draw()
  }

  const table = keys => h('div.card', {}, h('table.keys', { 'aria-label': counted(keys.length, 'key') },
    h('thead', {}, h('tr', {}, ['Key', 'Spec', 'Usage', 'State', 'Versions', 'Instance'].map(text => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, keys.map(key => [row(key), open.has(key.keyId) && more(key)]))))

  const row = key => h('tr', { dataset: { row: key.keyId } },
    h('td', {},
      h('button.open', { type: 'button', dataset: { key: key.keyId }, 'aria-expanded': String(open.has(key.keyId)), onclick: () => toggle(key) }, key.keyId),
      h('div.aliases', {}, key.aliases.map(alias => h('code', {}, alias)))),
    h('td', {}, key.keySpec), h('td', {}, key.keyUsage),
    h('td', {}, chip(key.keyState, stateKinds[key.keyState])),
    h('td', {}, String(key.versions.length)),
    h('td', {}, key.dkmsInstanceId ? h('code', {}, key.dkmsInstanceId) : h('span.hint', {}, 'shared')))

  async function refresh() {
    const answer = await tried(() => get('keys'))
    if (!answer) return
    const before = JSON.stringify(all)
    all = answer.keys.map(key => ({ ...key, versions: key.versions ?? [] }))
    if (JSON.stringify(all) !== before || list.firstChild === null) draw()
    if (wanted) reveal()
  }

  function reveal() {
    const key = all.find(({ keyId, aliases }) => keyId === wanted || aliases.includes(wanted))
    wanted = undefined
    if (!key) return
    filter.value = ''
    open.add(key.keyId)
    draw()
    const button = list.querySelector(`button[data-key="${CSS.escape(key.keyId)}"]`)
    button?.scrollIntoView({ block: 'center' })
    button?.focus()
  }

  const shown = whileShown(feed, refresh)
  return { show: id => { wanted = id ? decodeURIComponent(id) : undefined; shown.show() }, hide: shown.hide }
}

const textOf = key => [key.keyId, key.keySpec, key.keyUsage, key.keyState, key.dkmsInstanceId, key.description, ...key.aliases].join('\n').toLowerCase()

// more is what a key has besides its row.
function more(key) {
  return h('tr.more', {}, h('td', { colSpan: 6 },
    facts([
      ['description', key.description], ['usage', key.keyUsage], ['instance', key.dkmsInstanceId], ['ARN', h('code', {}, key.arn)], ['origin', key.origin],
      ['created', date(key.creationDate)], ['deleted on', date(key.deleteDate)], ['material until', date(key.materialExpireTime)],
      ['rotation', key.rotationInterval && `every ${key.rotationInterval}, next ${date(key.nextRotation)}`],
      ['protected', key.deletionProtection === 'Enabled' && 'from deletion'],
      ['tags', Object.entries(key.tags).map(([name, value]) => `${name}=${value}`).join(', ')],
    ]),
    h('h3', {}, 'Versions, the oldest first'),
    h('ul.versions', {}, key.versions.map(version => h('li', {},
      h('code', {}, version.keyVersionId), h('span.hint', {}, date(version.creationDate)), version.primary && chip('primary', 'on'), copyButton(() => version.keyVersionId)))),
    h('div.bar', {}, copyButton(() => key.keyId, 'Copy key id'), uses(key).map(name => h('a.button.small', { href: `#try/${name}?KeyId=${encodeURIComponent(key.keyId)}` }, `Try ${name}`)))))
}

const date = text => text && `${fullTime(text)} UTC`

// uses are operations to try with a key.
function uses({ keySpec, keyUsage }) {
  if (/AES|SM4/.test(keySpec)) return ['Encrypt', 'GenerateDataKey', 'DescribeKey']
  return keyUsage === 'SIGN/VERIFY' ? ['AsymmetricSign', 'GetPublicKey', 'DescribeKey'] : ['AsymmetricEncrypt', 'GetPublicKey', 'DescribeKey']
}

const nothing = () => empty('There are no keys', h('p', {}, 'A scenario brings keys, and CreateKey makes one.'),
  h('div.bar', {}, h('a.button', { href: '#scenario' }, 'Load a scenario'), h('a.button', { href: '#try/CreateKey' }, 'Try CreateKey')))
