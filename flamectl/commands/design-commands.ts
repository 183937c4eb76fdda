import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { flamectlError } from '../errors.ts'
import { limitOption, printList } from './listing.ts'
import type { Verbs } from './verbs.ts'

export function designCommands(context: CommandContext): Verbs {
  const { connect, print } = context
  return {
    create: [
      new Command('design')
        .argument('<designId>')
        .description('create a design')
        .option('-d, --desc <text>', 'description')
        .action(async (designId: string, { desc }: { desc?: string }) => {
          const { client, user } = await connect()
          await client.createDesign({ user, body: { id: designId, ...(desc ? { description: desc } : {}) } })
          print.done(`design ${designId} created`, { id: designId }, designId)
        }),
    ],
    get: [
      new Command('design')
        .argument('<designId>')
        .description('show a design with its schema')
        .action(async (designId: string) => {
          const { client, user } = await connect()
          print.one(await client.getDesign({ user, designId }), designId)
        }),
      new Command('designs')
        .description('list designs')
        .addOption(limitOption())
        .action(async ({ limit }: { limit: string }) => {
          const { client, user } = await connect()
          await printList(context, limit, (query) => client.getDesigns({ user, query }), {
            columns: { ID: ({ id }) => id, NAME: ({ name }) => name, DESCRIPTION: ({ description }) => description },
            nameOf: ({ id }) => id,
          })
        }),
    ],
    update: [
      new Command('design')
        .argument('<designId>')
        .description("change a design's name or description")
        .option('-n, --name <text>', 'name')
        .option('-d, --desc <text>', 'description')
        .action(async (designId: string, { name, desc }: { name?: string; desc?: string }) => {
          if (name === undefined && desc === undefined)
            throw flamectlError('OPTION_VALUE', {
              option: '--name or --desc',
              expected: 'what to change',
              given: 'neither',
            })
          const { client, user } = await connect()
          const before = await client.getDesign({ user, designId })
          const named = name ?? before.name
          const described = desc ?? before.description
          const body = { ...(named ? { name: named } : {}), ...(described ? { description: described } : {}) }
          print.done(`design ${designId} updated`, await client.updateDesign({ user, designId, body }), designId)
        }),
    ],
    remove: [
      new Command('design')
        .argument('<designId>')
        .description('remove a design')
        .option('-f, --force', 'even if jobs use it')
        .action(async (designId: string, { force = false }: { force?: boolean }) => {
          const { client, user } = await connect()
          const said = await client.deleteDesign({ user, designId, query: { forceDelete: force } })
          print.done(said, { id: designId }, designId)
        }),
    ],
  }
}
