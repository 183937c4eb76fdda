import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { limitOption, printList } from './listing.ts'
import type { Verbs } from './verbs.ts'

export function taskCommands(context: CommandContext): Verbs {
  const { connect, print } = context
  return {
    get: [
      new Command('task')
        .argument('<jobId>')
        .argument('<taskId>')
        .description('show a task of a job')
        .action(async (jobId: string, taskId: string) => {
          const { client, user } = await connect()
          print.one(await client.getTaskInfo({ user, jobId, taskId }), taskId)
        }),
      new Command('tasks')
        .argument('<jobId>')
        .description("list a job's tasks")
        .addOption(limitOption())
        .action(async (jobId: string, { limit }: { limit: string }) => {
          const { client, user } = await connect()
          await printList(context, limit, (query) => client.getTasks({ user, jobId, query }), {
            columns: {
              ID: ({ taskId }) => taskId,
              ROLE: ({ role }) => role,
              STATE: ({ state }) => state,
              COMPUTE: ({ computeId }) => computeId,
              GROUPS: ({ groupAssociation }) =>
                Object.entries(groupAssociation)
                  .map(([channel, group]) => `${channel}=${group}`)
                  .join(','),
            },
            nameOf: ({ taskId }) => taskId,
          })
        }),
    ],
  }
}
