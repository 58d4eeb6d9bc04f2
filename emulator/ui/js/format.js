// How times, statuses and sizes are written.

// clockTime is the time of day of an RFC 3339 time, in UTC, to the millisecond.
export function clockTime(text) {
  const at = new Date(text)
  return Number.isNaN(at.getTime()) ? text : at.toISOString().slice(11, 23)
}

// fullTime is date and time in UTC, to the second.
export function fullTime(text) {
  const at = new Date(text)
  return Number.isNaN(at.getTime()) ? text : at.toISOString().slice(0, 19).replace('T', ' ')
}

// statusKind is the kind of chip that a status is shown as; 0 is a call that was
// not answered.
export function statusKind(status) {
  if (status === 0 || status >= 500) return 'bad'
  return status >= 400 ? 'warn' : 'good'
}

export const statusText = status => status === 0 ? 'none' : String(status)

// whatActed is the rule or quota that a call met, if one did.
export function whatActed(call) {
  if (call.quota) return { kind: 'quota', name: call.quota }
  if (call.fault) return { kind: 'fault', name: call.fault }
  return null
}

export const milliseconds = n => n < 10 ? n.toFixed(1) : String(Math.round(n))

// counted is a number with its noun: counted(1, 'call') is "1 call".
export const counted = (n, noun, plural = `${noun}s`) => `${n.toLocaleString('en')} ${n === 1 ? noun : plural}`

// span writes a number of milliseconds as a duration of a scenario.
export function span(ms) {
  let left = Math.abs(Math.round(ms))
  const parts = []
  for (const [unit, size] of [['d', 86_400_000], ['h', 3_600_000], ['m', 60_000], ['s', 1000], ['ms', 1]]) {
    const n = Math.floor(left / size)
    left -= n * size
    if (n > 0) parts.push(`${n}${unit}`)
  }
  return parts.slice(0, 2).join('') || '0s'
}
