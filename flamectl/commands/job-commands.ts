import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { givenSettings } from '../run/run-options.ts'
import { limitOption, printList, type Verbs } from './verbs.ts'

export function jobCommands(context: CommandContext): Verbs {
  const { connect, print, warn } = context
  const asking = (verb: 'start' | 'stop', state: 'starting' | 'stopping') =>
    new Command('job')
      .argument('<jobId>')
      .description(`${verb} a job`)
      .action(async (jobId: string) => {
        const { client, user } = await connect()
        await client.updateJobStatus({ user, jobId, body: { state } })
        print.done(`job ${jobId} is ${state}`, { id: jobId, state }, jobId)
      })
  return {
    create: [
      new Command('job')
        .argument('<file>', 'the job in JSON')
        .description('create a job and its tasks')
        .option(
          '--set <name=value,...>',
          'override hyperparameters, or name an algorithm: optimizer=fedadam,eta=0.05',
          collected,
        )
        .action(async (file: string, { set = [] }: { set?: readonly string[] }) => {
          const { readJobFile, withSettings } = await import('../files/json-files.ts')
          const body = await withSettings(await readJobFile(file, warn), givenSettings(set))
          const { client, user } = await connect()
          const created = await client.createJob({ user, body })
          print.done(`job ${created.id} created, ${created.state}`, created, created.id)
        }),
    ],
    get: [
      new Command('job')
        .argument('<jobId>')
        .description('show a job')
        .option('-s, --status', 'show the state of the job instead of its specification')
        .action(async (jobId: string, { status = false }: { status?: boolean }) => {
          const { client, user } = await connect()
          print.one(status ? await client.getJobStatus({ user, jobId }) : await client.getJob({ user, jobId }), jobId)
        }),
      new Command('jobs')
        .description('list jobs')
        .addOption(limitOption())
        .action(async ({ limit }: { limit: string }) => {
          const { client, user } = await connect()
          await printList(context, limit, (query) => client.getJobs({ user, query }), {
            columns: {
              ID: ({ id }) => id,
              NAME: ({ name }) => name,
              STATE: ({ state }) => state,
              CREATED: ({ createdAt }) => createdAt,
              STARTED: ({ startedAt }) => startedAt,
              ENDED: ({ endedAt }) => endedAt,
            },
            nameOf: ({ id }) => id,
          })
        }),
    ],
    update: [
      new Command('job')
        .argument('<jobId>')
        .argument('<file>', 'the job in JSON')
        .description('replace a job that is ready or has ended, with its tasks')
        .action(async (jobId: string, file: string) => {
          const { readJobFile } = await import('../files/json-files.ts')
          const body = await readJobFile(file, warn)
          const { client, user } = await connect()
          await client.updateJob({ user, jobId, body })
          print.done(`job ${jobId} updated`, { id: jobId }, jobId)
        }),
    ],
    remove: [
      new Command('job')
        .argument('<jobId>')
        .description('remove a job that is ready or has ended, with its tasks and its models')
        .option('--keep-models', 'leave the models; `remove models` removes them later')
        .action(async (jobId: string, { keepModels }: { readonly keepModels?: true }) => {
          const { client, user } = await connect()
          await client.deleteJob({ user, jobId, query: keepModels ? { keepModels } : {} })
          print.done(`job ${jobId} removed`, { id: jobId }, jobId)
        }),
    ],
    start: [asking('start', 'starting')],
    stop: [asking('stop', 'stopping')],
  }
}

function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

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
              FLAMELET: ({ flamelet }) => flamelet,
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
