import type { Command, Option } from 'commander'

export interface Candidate {
  readonly value: string
  readonly description: string
}

/** What may stand for the last of the words after the program's name; none where a name of the user's own is expected. */
export function candidates(program: Command, words: readonly string[]): Candidate[] {
  const last = words.at(-1) ?? ''
  let command = program
  let place = 0
  let awaited: Option | undefined
  for (const word of words.slice(0, -1)) {
    if (awaited) {
      awaited = undefined
      continue
    }
    if (word.startsWith('-')) {
      const option = optionsOf(command).find(({ short, long }) => word === short || word === long)
      if (option?.required || option?.optional) awaited = option
      continue
    }
    const next = place === 0 ? command.commands.find((one) => one.name() === word) : undefined
    if (next) command = next
    else place += 1
  }
  if (awaited) return choicesOf(awaited, last)
  if (last.startsWith('-')) return startingWith(last, optionsOf(command).flatMap(candidateOf))
  const below = place === 0 ? command.createHelp().visibleCommands(command) : []
  const named = below.map((one) => ({ value: one.name(), description: one.description() }))
  return [...startingWith(last, named), ...choicesOf(command.registeredArguments[place], last)]
}

/** A command's own options, and those of the commands above it. */
function optionsOf(command: Command): readonly Option[] {
  const help = command.createHelp()
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)]
}

function candidateOf({ long, description }: Option): Candidate[] {
  return long ? [{ value: long, description }] : []
}

function choicesOf({ argChoices }: { readonly argChoices?: readonly string[] } = {}, last: string): Candidate[] {
  return startingWith(
    last,
    (argChoices ?? []).map((value) => ({ value, description: '' })),
  )
}

function startingWith(prefix: string, all: readonly Candidate[]): Candidate[] {
  return all.filter(({ value }) => value.startsWith(prefix))
}
