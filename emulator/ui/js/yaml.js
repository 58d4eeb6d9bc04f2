// YAML of a JSON value, as people write scenarios: blocks of lines, and what is
// short on one line. What reads YAML is alikms.

const widest = 72

// toYAML is the value as a document that ends in a newline. A map or list that
// is not empty begins in its first column.
export function toYAML(value) {
  return isPlain(value) ? `${inline(value)}\n` : `${block(value, '').join('\n')}\n`
}

const isMap = value => typeof value === 'object' && value !== null && !Array.isArray(value)
const isPlain = value => typeof value !== 'object' || value === null || Object.keys(value).length === 0

// block is the lines of a map or list that is not empty.
function block(value, indent) {
  if (Array.isArray(value)) return value.flatMap(item => listed(item, indent))
  return Object.entries(value).flatMap(([key, item]) => entry(`${indent}${scalar(key)}:`, item, `${indent}  `))
}

function listed(item, indent) {
  if (isPlain(item) || fits(item, indent.length + 2)) return entry(`${indent}-`, item, `${indent}  `)
  const [first, ...rest] = block(item, `${indent}  `)
  return [`${indent}- ${first.trimStart()}`, ...rest]
}

// entry is what follows a key or a dash: on its line, or below it.
function entry(begin, item, indent) {
  if (typeof item === 'string' && isText(item)) return [`${begin} |${item.endsWith('\n') ? '' : '-'}`, ...textLines(item, indent)]
  if (isPlain(item) || fits(item, begin.length + 1)) return [`${begin} ${inline(item)}`]
  return [begin, ...block(item, indent)]
}

// fits reports whether a value is short, and simple, enough for one line.
function fits(item, before) {
  const simple = Object.values(item).every(inner => !isMap(inner) && !(Array.isArray(inner) && inner.some(isMap)) && !isText(inner))
  return simple && before + inline(item).length <= widest
}

function inline(value) {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`
  if (isMap(value)) return `{${Object.entries(value).map(([key, item]) => `${scalar(key)}: ${inline(item)}`).join(', ')}}`
  return typeof value === 'string' ? scalar(value) : JSON.stringify(value)
}

// isText reports whether a text is of several lines that a block can hold: one
// whose first line is indented, or that ends in several newlines, is quoted.
const isText = value => typeof value === 'string' && /\n[^]/.test(value) && !/^\s|\n\n$|[^\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]/.test(value)

const textLines = (text, indent) => text.replace(/\n$/, '').split('\n').map(line => line && indent + line)

// These are no text to YAML, in one version of it or another.
const words = /^(true|false|null|yes|no|on|off|y|n|~)$/i
const plain = /^[A-Za-z_]([\w ./+-]*[\w./+-])?$/
const identifier = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]+$/

// scalar writes a text plainly where no reader takes it for something else, and
// else in double quotes: those of JSON are YAML's.
function scalar(text) {
  return (plain.test(text) || identifier.test(text)) && !words.test(text) ? text : JSON.stringify(text)
}
