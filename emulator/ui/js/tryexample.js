// Values to begin with: of the keys there are, the first that an operation can use.

const symmetric = ({ keySpec }) => /AES|SM4/.test(keySpec)
const encrypts = ({ keyUsage }) => keyUsage === 'ENCRYPT/DECRYPT'

// fitting are the keys that an operation can do something with.
function fitting({ name }) {
  if (/^Asymmetric(En|De)crypt$/.test(name)) return key => !symmetric(key) && encrypts(key)
  if (/^Asymmetric(Sign|Verify)$/.test(name)) return key => !symmetric(key) && !encrypts(key)
  if (name === 'GetPublicKey' || name === 'CreateKeyVersion') return key => !symmetric(key)
  if (/Encrypt|Decrypt|DataKey|Rotation|Primary/.test(name)) return symmetric
  return () => true
}

// algorithmOf is one that a spec can; KMS has others besides.
function algorithmOf({ keySpec, keyUsage }) {
  if (keyUsage === 'ENCRYPT/DECRYPT') return keySpec === 'EC_SM2' ? 'SM2PKE' : 'RSAES_OAEP_SHA_256'
  return { EC_SM2: 'SM2DSA', EC_P256: 'ECDSA_SHA_256', EC_P256K: 'ECDSA_SHA_256' }[keySpec] ?? 'RSA_PSS_SHA_256'
}

const digest = 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=' // SHA-256 of "hello"

// exampleOf gives values for what an operation requires, by their names.
export function exampleOf(operation, { keys, secrets = [] }) {
  const key = keys.filter(({ keyState }) => keyState === 'Enabled').find(fitting(operation)) ?? keys[0]
  const secret = operation.name === 'CreateSecret' ? undefined : secrets[0]
  const values = {
    KeyId: key?.keyId,
    KeyVersionId: key?.versions.at(-1)?.keyVersionId,
    Algorithm: key && algorithmOf(key),
    Plaintext: 'SGVsbG8=',
    Digest: digest,
    AliasName: `alias/made-here-${Date.now().toString(36)}`,
    Tags: '[{"TagKey":"team","TagValue":"payments"}]',
    PendingWindowInDays: '7',
    Description: 'Made on the page',
    KeySpec: operation.name === 'CreateKey' ? 'Aliyun_AES_256' : undefined,
    NumberOfBytes: '32',
    SecretName: secret?.secretName ?? `made/here-${Date.now().toString(36)}`,
    VersionId: `v-${Date.now().toString(36)}`,
    SecretData: 'user=app password=secret',
    SecretsList: JSON.stringify([{ SecretName: secret?.secretName ?? 'made/here' }]),
    VersionStage: 'ACSCurrent',
  }
  const wanted = operation.details.filter(({ name, required, type }) => (required || alsoShown.includes(name)) && type !== 'list' && values[name] !== undefined)
  return Object.fromEntries(wanted.map(({ name }) => [name, values[name]]))
}

// alsoShown are optional, and what a reader looks for.
const alsoShown = ['KeySpec']
