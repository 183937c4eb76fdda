import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import { archiveToSend, saveWhole } from '../files/archives.ts'
import { limitOption, printList, type Verbs } from './verbs.ts'

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
        .option('-f, --force', 'remove the design even if jobs use it')
        .action(async (designId: string, { force = false }: { force?: boolean }) => {
          const { client, user } = await connect()
          const said = await client.deleteDesign({ user, designId, query: { forceDelete: force } })
          print.done(said, { id: designId }, designId)
        }),
    ],
  }
}

export function schemaCommands({ connect, print, warn }: CommandContext): Verbs {
  const given = (verb: 'create' | 'update') =>
    new Command('schema')
      .argument('<designId>')
      .argument('<file>', 'the schema in JSON')
      .description(verb === 'create' ? 'give a design its schema' : 'give a design a new revision of its schema')
      .action(async (designId: string, file: string) => {
        const { readSchema } = await import('../files/json-files.ts')
        const body = await readSchema(file, warn)
        const { client, user } = await connect()
        const method = verb === 'create' ? client.createDesignSchema : client.updateDesignSchema
        await method({ user, designId, body })
        print.done(`schema of design ${designId} ${verb}d`, { id: designId }, designId)
      })
  return {
    create: [given('create')],
    get: [
      new Command('schema')
        .argument('<designId>')
        .description("show a design's schema")
        .action(async (designId: string) => {
          const { client, user } = await connect()
          print.one(await client.getDesignSchema({ user, designId }), designId)
        }),
    ],
    update: [given('update')],
    remove: [
      new Command('schema')
        .argument('<designId>')
        .description("remove a design's schema")
        .action(async (designId: string) => {
          const { client, user } = await connect()
          await client.deleteDesignSchema({ user, designId })
          print.done(`schema of design ${designId} removed`, { id: designId }, designId)
        }),
    ],
  }
}

export function codeCommands({ connect, print }: CommandContext): Verbs {
  const given = (verb: 'create' | 'update') =>
    new Command('code')
      .argument('<designId>')
      .argument('<zip>', 'archive with a folder for each role, or a folder to be packed so')
      .description(verb === 'create' ? 'give a design its code' : 'give a design a new revision of its code')
      .action(async (designId: string, zip: string) => {
        const body = await archiveToSend(zip)
        const { client, user } = await connect()
        const method = verb === 'create' ? client.createDesignCode : client.updateDesignCode
        await method({ user, designId, body })
        print.done(`code of design ${designId} ${verb}d`, { id: designId }, designId)
      })
  return {
    create: [given('create')],
    get: [
      new Command('code')
        .argument('<designId>')
        .description("save a design's code as <designId>.zip in this folder")
        .option('-f, --force', 'replace a file of that name')
        .action(async (designId: string, { force = false }: { force?: boolean }) => {
          const { client, user } = await connect()
          const { content } = await client.getDesignCode({ user, designId })
          const file = `${designId}.zip`
          await saveWhole(file, content, { force })
          print.done(`code of design ${designId} saved as ${file}`, { id: designId, file }, file)
        }),
      new Command('coderevision')
        .argument('<designId>')
        .description("show the number of a design's latest code")
        .action(async (designId: string) => {
          const { client, user } = await connect()
          print.one(await client.getDesignCodeRevision({ user, designId }), designId)
        }),
    ],
    update: [given('update')],
    remove: [
      new Command('code')
        .argument('<designId>')
        .description("remove a design's code")
        .action(async (designId: string) => {
          const { client, user } = await connect()
          await client.deleteDesignCode({ user, designId })
          print.done(`code of design ${designId} removed`, { id: designId }, designId)
        }),
    ],
  }
}
