import { Command } from 'commander'
import type { CommandContext } from '../context.ts'
import { archiveToSend, saveWhole } from '../files/archive-file.ts'
import type { Verbs } from './verbs.ts'

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
