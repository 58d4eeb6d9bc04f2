// What a scenario file names beside it is put into it: a control reads no file.

const named = /\b(privateKey|secretData)File(\s*:\s*)("[^"\n]*"|'[^'\n]*'|[^\s,}\]#]+)/g

// inlined gives the text of a scenario with the texts of files, by their names, in
// place of the fields that name them. Fields whose file was not chosen stay.
export function inlined(text, files) {
  return text.replace(named, (whole, field, colon, path) => {
    const name = path.replace(/^["']|["']$/g, '').split(/[\\/]/).at(-1)
    return files.has(name) ? `${field}${colon}${JSON.stringify(files.get(name))}` : whole
  })
}

// scenarioOf reads chosen files: the one scenario among them, whole.
export async function scenarioOf(chosen) {
  const isScenario = ({ name }) => /\.(ya?ml|json)$/i.test(name)
  const scenarios = chosen.filter(isScenario)
  if (scenarios.length !== 1) {
    throw new Error(scenarios.length === 0
      ? 'Choose a scenario, a file that ends in .yaml, .yml or .json, and with it the key files that it names'
      : `Choose one scenario: ${scenarios.map(({ name }) => name).join(', ')} are several, which the command alikms load joins`)
  }
  const others = new Map(await Promise.all(chosen.filter(file => !isScenario(file)).map(async file => [file.name, await file.text()])))
  return { name: scenarios[0].name, text: inlined(await scenarios[0].text(), others) }
}
