#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { CodedError } from '../runtime/index.ts'
import { checkCommand } from './check/check-command.ts'
import { causeCodes, flamectlError, usageCodes } from './errors.ts'
import { runCommand } from './run/run-command.ts'

/** Exit statuses: 1 failure, 2 usage. */
const failed = 1
const misused = 2

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader has gone, as with `flamectl … | head`: there is nobody to tell.
  process.exit(error.code === 'EPIPE' ? 0 : failed)
})

const argv = process.argv.slice(2)
const program = new Command('flamectl')
  .description('federated learning as an actor system')
  .showHelpAfterError('(see flamectl --help)')
for (const command of [runCommand(argv), checkCommand()]) program.addCommand(command)
for (const command of [program, ...program.commands]) command.exitOverride()

try {
  await program.parseAsync(argv, { from: 'user' })
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : misused
  if (!(error instanceof CodedError)) return report(flamectlError('UNEXPECTED', { error }, { cause: error }))
  console.error(`error ${error.code}: ${error.message}\n  ${error.hint}`)
  if (causeCodes.includes(error.code) && error.cause instanceof Error) console.error(placesOf(error.cause))
  return usageCodes.includes(error.code) ? misused : failed
}

/** Where an error of the user's own code arose: its stack, without the frames of the platform and of libraries. */
function placesOf({ stack = '' }: Error): string {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line) && !/node:|node_modules/.test(line))
  return frames.map((frame) => `  ${frame.trim()}`).join('\n')
}
