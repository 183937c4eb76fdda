#!/usr/bin/env node
import { Command } from 'commander'
import { commandContext, outputOption } from './command-context.ts'
import { joinCommand, statusCommand } from './flamelet/flamelet-commands.ts'
import { finished, version } from './program.ts'
import { runProgram } from './run-program.ts'

const program = new Command('flamelet')
  .description('train on this machine for the jobs of a server')
  .version(version())
  .addOption(outputOption())
const context = commandContext(program)
for (const command of [joinCommand(context), statusCommand(context)]) program.addCommand(command)
await runProgram(finished(program))
