import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { checkCommand } from './check/check-command.ts'
import { codeCommands } from './commands/code-commands.ts'
import { datasetCommands } from './commands/dataset-commands.ts'
import { designCommands } from './commands/design-commands.ts'
import { jobCommands } from './commands/job-commands.ts'
import { schemaCommands } from './commands/schema-commands.ts'
import { taskCommands } from './commands/task-commands.ts'
import { usageCommands } from './commands/usage-commands.ts'
import { type Verbs, verbs } from './commands/verbs.ts'
import { completionCommands } from './completion/completion-commands.ts'
import { addGlobalOptions } from './connection/global-options.ts'
import { commandContext } from './context.ts'
import { jobsCommand } from './follow/jobs-command.ts'
import { logsCommand } from './follow/logs-command.ts'
import { runCommand } from './run/run-command.ts'
import { tokenCommand } from './token/token-command.ts'
import { upCommand } from './up/up-command.ts'

/** The whole command line; nothing is parsed yet. `argv` is what resuming a run repeats. */
export function flamectl(argv: readonly string[]): Command {
  const program = addGlobalOptions(new Command('flamectl'))
    .description('federated learning as an actor system')
    .version(version())
  const context = commandContext(program)
  for (const command of [runCommand(context, argv), checkCommand(context), upCommand(), tokenCommand(context)])
    program.addCommand(command)
  const things: readonly Verbs[] = [
    designCommands(context),
    schemaCommands(context),
    codeCommands(context),
    datasetCommands(context),
    jobCommands(context),
    taskCommands(context),
    usageCommands(context),
  ]
  for (const { name, description } of verbs) {
    const command = new Command(name).description(description)
    for (const thing of things) for (const one of thing[name] ?? []) command.addCommand(one)
    program.addCommand(command)
  }
  for (const command of [logsCommand(context), jobsCommand(context)]) program.addCommand(command)
  for (const { command, hidden } of completionCommands(program)) program.addCommand(command, { hidden })
  program.exitOverride().configureHelp({ showGlobalOptions: true })
  passSettings(program, 'flamectl')
  return program
}

/** That of the package. */
function version(): string {
  const { version: found }: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return found
}

/** Commands that are added, rather than made by their parent, don't take its settings by themselves; each names its own help. */
function passSettings(command: Command, path: string): void {
  command.showHelpAfterError(`(see ${path} --help)`)
  for (const one of command.commands) {
    one.copyInheritedSettings(command)
    passSettings(one, `${path} ${one.name()}`)
  }
}
