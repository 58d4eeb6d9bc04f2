// Secrets: their names, versions and stages. No value is shown.

import { get } from './api.js'
import { chip, empty, facts, fill, h, head } from './dom.js'
import { counted, fullTime } from './format.js'
import { tried } from './say.js'
import { whileShown } from './whileshown.js'

export const secrets = { id: 'secrets', title: 'Secrets', make }

// most are the secrets in the page.
const most = 200

function make(place, feed) {
  let drawn
  const list = h('div.stack')
  fill(place, head('Secrets', 'Names, versions and stages. Values are read with GetSecretValue, and are not shown here.'), list)

  async function refresh() {
    const answer = await tried(() => get('secrets'))
    if (!answer || drawn === JSON.stringify(answer)) return
    drawn = JSON.stringify(answer)
    const beyond = answer.secrets.length - most
    fill(list, answer.secrets.length === 0 ? nothing() : answer.secrets.slice(0, most).map(card),
      beyond > 0 && h('p.hint', {}, `And ${counted(beyond, 'secret')} more: ListSecrets finds them.`))
  }

  return whileShown(feed, refresh)
}

function card(secret) {
  const { versions } = secret
  return h('article.card.secret', {},
    h('div.rule-head', {}, h('h2.mono', {}, secret.secretName), secret.plannedDeleteTime && chip('to be deleted', 'bad'), h('span.grow'),
      h('a.button.small', { href: `#try/GetSecretValue?SecretName=${encodeURIComponent(secret.secretName)}`, 'aria-label': `Read the value of ${secret.secretName}` }, 'Try GetSecretValue')),
    facts([
      ['type', secret.secretType], ['description', secret.description], ['key', secret.encryptionKeyId || 'the account’s own'],
      ['ARN', h('code', {}, secret.arn)], ['instance', secret.dkmsInstanceId],
      ['tags', Object.entries(secret.tags).map(([name, value]) => `${name}=${value}`).join(', ')],
      ['deleted on', secret.plannedDeleteTime && `${fullTime(secret.plannedDeleteTime)} UTC`],
    ]),
    h('div.scroll', {}, h('table', { 'aria-label': counted(versions.length, 'version') },
      h('thead', {}, h('tr', {}, ['Version', 'Stages', 'Type', 'Created'].map(text => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, versions.map(version => h('tr', {},
        h('td.mono', {}, version.versionId),
        h('td', {}, version.versionStages.map(stage => chip(stage, stage === 'ACSCurrent' ? 'on' : ''))),
        h('td', {}, version.secretDataType),
        h('td', {}, `${fullTime(version.creationDate)} UTC`)))))))
}

const nothing = () => empty('There are no secrets', h('p', {}, 'A scenario brings secrets, and CreateSecret makes one.'),
  h('div.bar', {}, h('a.button', { href: '#try/CreateSecret' }, 'Try CreateSecret')))
