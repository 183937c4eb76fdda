import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import type { Verbs } from './verbs.ts'

export function usageCommands({ connect, print }: CommandContext): Verbs {
  return {
    get: [
      new Command('quota')
        .description('show how much there is of everything, and how much there may be')
        .action(async () => {
          const { client, user } = await connect()
          const usage = Object.entries(await client.getUsage({ user })).map(([name, of]) => ({ name, ...of }))
          print.list(usage, {
            columns: {
              NAME: ({ name }) => name,
              USED: ({ used }) => String(used),
              MOST: ({ most }) => (most === undefined ? 'any' : String(most)),
            },
            nameOf: ({ name }) => name,
          })
        }),
    ],
  }
}
