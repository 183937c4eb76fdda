import { Argument, Command, type Option } from 'commander'

/** `flamectl completion <shell>`, and the hidden command that the shells call. */
export function completionCommands(program: Command): readonly { command: Command; hidden: boolean }[] {
  const completion = new Command('completion')
    .description('print the script by which a shell completes commands: source <(flamectl completion bash)')
    .addArgument(new Argument('<shell>').choices(Object.keys(shells)))
    .action((shell: keyof typeof shells) => console.log(shells[shell]))
  const complete = new Command('complete').argument('[words...]').action((words: string[]) => {
    for (const { value, description } of candidates(program, words)) console.log(`${value}\t${description}`)
  })
  return [
    { command: completion, hidden: false },
    { command: complete, hidden: true },
  ]
}

interface Candidate {
  readonly value: string
  readonly description: string
}

/** The candidates for the last of the words after the program's name; none where the user chooses a name. */
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

/** The options of a command and of the commands above it. */
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

/** The beginning of an expansion in a shell, which a template of JavaScript would take for its own. */
const open = '${'

/**
 * The script that each shell runs at its start. The script calls `flamectl complete`, which prints a line for each candidate:
 * the candidate, a tab, its description. Without candidates the shell completes names of files.
 */
export const shells = {
  bash: String.raw`_flamectl() {
  local IFS=$'\n'
  COMPREPLY=($(flamectl complete -- "${open}COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _flamectl flamectl`,

  zsh: String.raw`#compdef flamectl
_flamectl() {
  local -a found
  found=("${open}(@f)$(flamectl complete -- "${open}(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then
    found=("${open}(@)found//:/\\:}")
    found=("${open}(@)found/$'\t'/:}")
    _describe flamectl found
  else
    _files
  fi
}
compdef _flamectl flamectl`,

  fish: String.raw`function __flamectl
  set -l words (commandline -opc)
  set -e words[1]
  set -l found (flamectl complete -- $words (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c flamectl -f -a '(__flamectl)'`,
} as const
