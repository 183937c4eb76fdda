#!/usr/bin/env node
import { flamectl } from './program.ts'
import { runProgram } from './run-program.ts'

await runProgram(flamectl(process.argv.slice(2)))
