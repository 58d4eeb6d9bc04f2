// A trial can be linked to: #try/Encrypt?KeyId=alias/x&Plaintext=…

// trialHash is the link that tries a call of the journal again. What the journal
// keeps only as a size is left to be filled in.
export function trialHash({ operation, parameters, accessKeyId }) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => !/^\(\d+ bytes\)$/.test(value)))
  for (const name of ['Action', 'Format', 'Version']) query.delete(name)
  if (accessKeyId) query.set('caller', accessKeyId)
  return `#try/${operation}?${query}`
}

// trialOf reads such a link.
export function trialOf(rest = '') {
  const [operation, query = ''] = rest.split(/\?(.*)/s)
  const parameters = Object.fromEntries(new URLSearchParams(query))
  const { caller = '', ...others } = parameters
  return { operation, caller, parameters: others }
}
