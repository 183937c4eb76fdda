import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { assertValid, resolveSettings, type Schema, type Topology, topologySvg, topologyText } from '../../sdk/index.ts'
import type { CommandContext } from '../command-context.ts'
import { givenSettings } from '../run/run-options.ts'

/** Datasets in each group of a schema that comes without datasets. */
const datasetsOfGroup = 2

/** `flamectl topology show`: draws what a schema expands into. */
export function topologyCommand({ print, warn }: CommandContext): Command {
  const show = new Command('show')
    .argument('<schema or workload>', 'a JSON file with a schema, or the folder or module of a workload')
    .description(
      `show the tasks and channels that a schema or a workload expands into; a schema alone gets ${datasetsOfGroup} datasets a group`,
    )
    .option('--set <name=value,...>', 'override settings of the workload', (value: string, before: string[] = []) => [
      ...before,
      value,
    ])
    .option('--svg <file>', 'write a picture to this file instead')
    .action(async (path: string, { set, svg }: { readonly set?: string[]; readonly svg?: string }) => {
      const topology = path.endsWith('.json')
        ? withDatasets(await (await import('../files/json-files.ts')).readSchema(path, warn))
        : await topologyOf(path, set)
      assertValid(topology)
      if (svg === undefined) return print.text(topologyText(topology), topology, topology.schema.name)
      await writeFile(svg, topologySvg(topology))
      print.done(`${svg} written`, { file: svg }, svg)
    })
  return new Command('topology').description('show topologies').addCommand(show)
}

async function topologyOf(path: string, set: readonly string[] = []): Promise<Topology> {
  const { loadWorkload } = await import('../../sdk/node/index.ts')
  const { workload } = await loadWorkload(path)
  return workload.topology(resolveSettings(workload.settings, givenSettings(set).overrides))
}

/** Datasets for each group in which a data consumer may have some. */
function withDatasets(schema: Schema): Topology {
  const dataSpec = schema.roles
    .filter(({ isDataConsumer }) => isDataConsumer)
    .map(({ name, groupAssociation = [] }) => {
      const written = groupAssociation.map((association) => Object.values(association)[0] ?? 'default')
      const groups = new Set(written.length > 0 ? written : ['default'])
      const datasets = Array.from({ length: datasetsOfGroup }, (_, index) => `${index}`)
      return { role: name, datasetGroups: Object.fromEntries([...groups].map((group) => [group, datasets])) }
    })
  return { schema, dataSpec }
}
