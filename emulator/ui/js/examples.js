// What a new rule may begin as.
export const faultExamples = [
  {
    title: 'Throttle the first call',
    name: 'first-throttled',
    text: `match: {operation: AsymmetricEncrypt}
script:
  - {error: Rejected.Throttling, retryAfter: 500ms}
`,
  },
  {
    title: 'Fail every third call',
    name: 'every-third',
    text: `match: {operation: AsymmetricDecrypt}
script:
  - pass: 2
  - error: InternalFailure
repeat: all
`,
  },
  {
    title: 'Slow for one caller',
    name: 'slow-for-a',
    text: `match: {operation: AsymmetricEncrypt, accessKeyId: app-a}
delay: 300ms
`,
  },
  {
    title: 'Lose the answer',
    name: 'lost-answer',
    text: `match: {operation: CreateKey}
script:
  - {connection: reset, phase: after}
`,
  },
  {
    title: 'Fail now and then',
    name: 'now-and-then',
    text: `chance: 0.1
seed: 1
error: ServiceUnavailableTemporary
`,
  },
  {
    title: 'Hang until removed',
    name: 'hanging',
    text: `match: {operation: DescribeKey}
delay: 1h
`,
  },
]

// What a new quota may begin as.
export const quotaExamples = [
  { title: 'A rate', name: 'encryptions', text: 'match: {operation: AsymmetricEncrypt}\nrate: 5/s\n' },
  { title: 'The shared gateway', name: 'shared-gateway', text: 'profile: shared-gateway\n' },
  { title: 'How many keys there may be', name: 'resources', text: 'profile: resources\n' },
  { title: 'An instance', name: 'instance-1000', text: 'profile: instance-1000\nmatch: {gateway: kst-hzz65f176a0ogplgq0001}\n' },
]
