import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addGlobalOptions, commandContext } from './command-context.ts'
import { tokenCommand, usageCommands } from './commands/account-commands.ts'
import { chaosCommand } from './commands/chaos-command.ts'
import { completionCommands } from './commands/completion.ts'
import { datasetCommands } from './commands/dataset-commands.ts'
import { codeCommands, designCommands, schemaCommands } from './commands/design-commands.ts'
import { computesCommand, flameletCommands } from './commands/flamelet-commands.ts'
import { jobsCommand, logsCommand } from './commands/follow-commands.ts'
import { jobCommands, taskCommands } from './commands/job-commands.ts'
import { modelCommands } from './commands/model-commands.ts'
import { keysCommand, signCommand } from './commands/signing-commands.ts'
import { topologyCommand } from './commands/topology-command.ts'
import { type Verbs, verbs } from './commands/verbs.ts'
import { flameletCommand } from './flamelet/flamelet-commands.ts'
import { predictCommand } from './predict/predict-command.ts'
import { checkCommand, runCommand } from './run/run-command.ts'
import { simulateCommand } from './simulate/simulate-command.ts'
import { upCommand } from './up/up-command.ts'

/** Makes the whole command line, and parses nothing. `argv` is repeated in the command that resumes a run. */
export function flamectl(argv: readonly string[]): Command {
  const program = addGlobalOptions(new Command('flamectl'))
    .description('federated learning as an actor system')
    .version(version())
  const context = commandContext(program)
  for (const command of [
    ...[runCommand(context, argv), checkCommand(context), predictCommand(context), simulateCommand(context, argv)],
    ...[upCommand(), tokenCommand(context)],
  ])
    program.addCommand(command)
  const things: readonly Verbs[] = [
    designCommands(context),
    schemaCommands(context),
    codeCommands(context),
    datasetCommands(context),
    jobCommands(context),
    taskCommands(context),
    modelCommands(context),
    flameletCommands(context),
    usageCommands(context),
  ]
  for (const { name, description } of verbs) {
    const command = new Command(name).description(description)
    for (const thing of things) for (const one of thing[name] ?? []) command.addCommand(one)
    program.addCommand(command)
  }
  for (const command of [logsCommand(context), jobsCommand(context), computesCommand(context), chaosCommand(context)])
    program.addCommand(command)
  for (const command of [
    topologyCommand(context),
    keysCommand(context),
    signCommand(context),
    flameletCommand(context),
  ])
    program.addCommand(command)
  for (const { command, hidden } of completionCommands(program)) program.addCommand(command, { hidden })
  return finished(program)
}

/** A program whose commands are all there: errors are thrown, and each command's help shows all options. */
export function finished(program: Command): Command {
  program.exitOverride().configureHelp({ showGlobalOptions: true })
  passSettings(program, program.name())
  return program
}

/** The version of the package. */
export function version(): string {
  const { version: found }: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  return found
}

/** Passes settings on to subcommands, since commander does so only for commands that the parent made. */
function passSettings(command: Command, path: string): void {
  command.showHelpAfterError(`(see ${path} --help)`)
  for (const one of command.commands) {
    one.copyInheritedSettings(command)
    passSettings(one, `${path} ${one.name()}`)
  }
}
