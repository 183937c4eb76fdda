import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { limitOption, printList, type Verbs } from './verbs.ts'

export function datasetCommands(context: CommandContext): Verbs {
  const { connect, print, warn } = context
  return {
    create: [
      new Command('dataset')
        .argument('<file>', 'the dataset in JSON')
        .description('register a dataset')
        .action(async (file: string) => {
          const { readDataset } = await import('../files/json-files.ts')
          const body = await readDataset(file, warn)
          const { client, user } = await connect()
          const id = await client.createDataset({ user, body })
          print.done(`dataset ${id} created`, { id }, id)
        }),
    ],
    get: [
      new Command('dataset')
        .argument('<datasetId>')
        .description('show a dataset')
        .action(async (datasetId: string) => {
          const { client, user } = await connect()
          print.one(await client.getDataset({ user, datasetId }), datasetId)
        }),
      new Command('datasets')
        .description("list one's own datasets")
        .option('-a, --all', 'all public datasets instead')
        .addOption(limitOption())
        .action(async ({ all = false, limit }: { all?: boolean; limit: string }) => {
          const { client, user } = await connect()
          await printList(
            context,
            limit,
            (query) => (all ? client.getAllDatasets({ query }) : client.getDatasets({ user, query })),
            {
              columns: {
                ID: ({ id }) => id,
                NAME: ({ name }) => name,
                OWNER: ({ userId }) => userId,
                FORMAT: ({ dataFormat }) => dataFormat,
                REALM: ({ realm }) => realm,
                PUBLIC: ({ isPublic = false }) => isPublic,
                URL: ({ url }) => url,
              },
              nameOf: ({ id = '' }) => id,
            },
          )
        }),
    ],
    update: [
      new Command('dataset')
        .argument('<datasetId>')
        .argument('<file>', 'the dataset in JSON')
        .description('replace a dataset')
        .action(async (datasetId: string, file: string) => {
          const { readDataset } = await import('../files/json-files.ts')
          const body = await readDataset(file, warn)
          const { client, user } = await connect()
          print.done(`dataset ${datasetId} updated`, await client.updateDataset({ user, datasetId, body }), datasetId)
        }),
    ],
    remove: [
      new Command('dataset')
        .argument('<datasetId>')
        .description('remove a dataset that no running job uses')
        .action(async (datasetId: string) => {
          const { client, user } = await connect()
          await client.deleteDataset({ user, datasetId })
          print.done(`dataset ${datasetId} removed`, { id: datasetId }, datasetId)
        }),
    ],
  }
}
