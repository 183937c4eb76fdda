import { associationsOf } from './channels.ts'
import type { Topology } from './topology.ts'
import type { NoteFault, TopologyFacts } from './validate.ts'

/** Faults of how datasets are spread over the data consumers' groups. */
export function datasetFaults(
  { schema, dataSpec }: Topology,
  { datasets: known }: TopologyFacts,
  note: NoteFault,
): void {
  const given = new Map<string, { readonly datasets: Set<string>; readonly formats: Set<string> }>()
  const roles = schema.roles.map(({ name }) => name).join(', ')
  for (const [index, { role: name, datasetGroups }] of dataSpec.entries()) {
    const place = `dataSpec.${index}`
    const role = schema.roles.find((candidate) => candidate.name === name)
    if (!role) {
      note(`${place}.role`, 'TAG_ROLE_UNKNOWN', { role: name, known: roles })
      continue
    }
    if (!role.isDataConsumer) note(`${place}.role`, 'TAG_NOT_A_DATA_CONSUMER', { role: name })
    const groups = new Set(associationsOf(schema, role).flatMap((association) => Object.values(association)))
    const { datasets: seen, formats } = given.get(name) ?? { datasets: new Set<string>(), formats: new Set<string>() }
    given.set(name, { datasets: seen, formats })
    for (const [group, datasets] of Object.entries(datasetGroups)) {
      const at = `${place}.datasetGroups.${group}`
      if (!groups.has(group)) note(at, 'TAG_DATASET_GROUP', { role: name, group })
      for (const [position, dataset] of datasets.entries()) {
        seen.add(dataset)
        const facts = known?.get(dataset)
        if (facts) formats.add(facts.dataFormat)
        else if (known) note(`${at}.${position}`, 'TAG_DATASET_UNKNOWN', { dataset })
      }
    }
  }
  for (const [name, { formats }] of given) {
    if (formats.size < 2) continue
    const place = `dataSpec.${dataSpec.findIndex(({ role }) => role === name)}`
    note(place, 'TAG_DATASET_FORMATS', { role: name, formats: [...formats].join(', ') })
  }
  for (const [index, { name, isDataConsumer }] of schema.roles.entries()) {
    if (isDataConsumer && !given.get(name)?.datasets.size)
      note(`schema.roles.${index}`, 'TAG_NO_DATASET', { role: name })
  }
}
