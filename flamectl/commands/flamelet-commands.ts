import { Command } from 'commander'
import type { FlameletStatus } from '../../actors/model/index.ts'
import { shortList } from '../../sdk/index.ts'
import type { CommandContext } from '../command-context.ts'
import { limitOption, printList, type Verbs } from './verbs.ts'

interface ListOptions {
  readonly all?: boolean
  readonly limit: string
}

export function flameletCommands(context: CommandContext): Verbs {
  const { connect, print } = context
  return {
    get: [
      new Command('flamelet')
        .argument('<name>')
        .description('show a flamelet that has joined')
        .action(async (name: string) => {
          const { client, user } = await connect()
          print.one(await client.getFlamelet({ user, name }), name)
        }),
      listing(context, new Command('flamelets')),
    ],
    remove: [
      new Command('flamelet')
        .argument('<name>')
        .description('forget a flamelet that has no connection: its name becomes free')
        .action(async (name: string) => {
          const { client, user } = await connect()
          await client.deleteFlamelet({ user, name })
          print.done(`flamelet ${name} forgotten`, { name }, name)
        }),
    ],
  }
}

/** `flamectl computes`: lists the flamelets that have joined. */
export function computesCommand(context: CommandContext): Command {
  return listing(context, new Command('computes'))
}

function listing(context: CommandContext, command: Command): Command {
  return command
    .description('list the flamelets that have joined: which are there, since when, with which tasks')
    .option('-a, --all', 'those of all users, with a token of the scope admin')
    .addOption(limitOption())
    .action(async ({ all = false, limit }: ListOptions) => {
      const { client, user } = await context.connect()
      const of = all ? {} : { user }
      await printList(context, limit, (query) => client.getFlamelets({ query: { ...of, ...query } }), {
        columns: {
          NAME: ({ name }) => name,
          STATE: ({ state }) => state,
          SINCE: ({ since }) => since,
          SERVER: ({ server = '' }) => server,
          COMPUTE: ({ region, computeId }) => (region === '' ? computeId : `${region}/${computeId}`),
          DATA: ({ datasets }) => shortList(new Set(datasets.map(({ name }) => name))),
          TASKS: tasksOf,
          PLATFORM: ({ platform }) => `${platform.runtime} ${platform.system} ${platform.arch}`,
        },
        nameOf: ({ name }) => name,
      })
    })
}

function tasksOf({ tasks, mostTasks }: FlameletStatus): string {
  const count = tasks.reduce((sum, { ends }) => sum + ends.length, 0)
  const named = tasks.map(({ jobId, ends }) => `${jobId}: ${shortList(new Set(ends))}`)
  return [`${count} of ${mostTasks}`, ...named].join('; ')
}
