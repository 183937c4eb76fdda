import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import type { Command, Help } from 'commander'
import { flamectl } from '../../flamectl/program.ts'
import { shown, tableOf } from './markdown.ts'

/** The part of docs/flamectl.md before this line is written by hand. */
const mark = '<!-- `npm run docs` writes all that follows from the help of the commands. -->'

/** docs/flamectl.md: the part that is written by hand, and all commands and options from the program's own help. */
export async function flamectlPage(): Promise<string> {
  const [written = ''] = (await readFile('docs/flamectl.md', 'utf8')).split(mark)
  const program = flamectl([])
  const help = program.createHelp()
  const commands = leavesOf(program, help)
  const rows = commands.map((command) => [`\`${usageOf(command)}\``, shown(help.commandDescription(command))])
  return `${[
    written.trimEnd(),
    mark,
    '## Commands',
    tableOf([['command', 'for'], ...rows]),
    '## Options of every command',
    optionsOf(program, help),
    ...commands.flatMap((command) => {
      const options = optionsOf(command, help)
      return options === '' ? [] : [`## Options of \`${pathOf(command)}\``, options]
    }),
  ].join('\n\n')}\n`
}

/** The commands that do something themselves, in the order of the help. */
function leavesOf(command: Command, help: Help): readonly Command[] {
  const below = help.visibleCommands(command).filter((one) => one.name() !== 'help')
  const own = below.length === 0 || command.registeredArguments.length > 0 ? [command] : []
  return [...own, ...below.flatMap((one) => leavesOf(one, help))]
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name()
}

function usageOf(command: Command): string {
  return [pathOf(command), command.usage().replace('[options]', '').trim()].filter((part) => part !== '').join(' ')
}

function optionsOf(command: Command, help: Help): string {
  const options = help.visibleOptions(command).filter(({ long }) => long !== '--help' && long !== '--version')
  const rows = options.map((option) => [
    `\`${help.optionTerm(option)}\``,
    shown(help.optionDescription(option).replaceAll(homedir(), '~')),
  ])
  return rows.length === 0 ? '' : tableOf([['option', 'for'], ...rows])
}
