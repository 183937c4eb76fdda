import { Argument, Command } from 'commander'
import { candidates } from './candidates.ts'
import { shells } from './shells.ts'

/** `flamectl completion <shell>`, and what the shells then ask. */
export function completionCommands(program: Command): readonly { command: Command; hidden: boolean }[] {
  const completion = new Command('completion')
    .description('print what makes a shell complete commands, as in: source <(flamectl completion bash)')
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
