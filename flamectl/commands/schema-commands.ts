import { Command } from 'commander'
import { designSchema } from '../../actors/model/index.ts'
import type { CommandContext } from '../context.ts'
import { readModel } from '../files/json-file.ts'
import type { Verbs } from './verbs.ts'

export function schemaCommands({ connect, print, warn }: CommandContext): Verbs {
  const given = (verb: 'create' | 'update') =>
    new Command('schema')
      .argument('<designId>')
      .argument('<file>', 'the schema in JSON')
      .description(verb === 'create' ? 'give a design its schema' : 'give a design a new revision of its schema')
      .action(async (designId: string, file: string) => {
        const body = await readModel(file, designSchema, warn)
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
