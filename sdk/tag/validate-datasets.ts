import { associationsOf } from './channels.ts'
import type { Topology } from './topology.ts'
import type { NoteFault, TopologyFacts } from './validate.ts'

/** Faults of how datasets are spread over the data consumers' groups. */
export function datasetFaults(
  { schema, dataSpec }: Topology,
  { datasets: known }: TopologyFacts,
  note: NoteFault,
): void {
  const given = new Map<string, Set<string>>()
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
    const seen = given.get(name) ?? new Set<string>()
    given.set(name, seen)
    const formats = new Set<string>()
    for (const [group, datasets] of Object.entries(datasetGroups)) {
      const at = `${place}.datasetGroups.${group}`
      if (!groups.has(group)) note(at, 'TAG_DATASET_GROUP', { role: name, group })
      for (const [position, dataset] of datasets.entries()) {
        if (seen.has(dataset)) note(`${at}.${position}`, 'TAG_DATASET_TWICE', { dataset, role: name })
        seen.add(dataset)
        const facts = known?.get(dataset)
        if (facts) formats.add(facts.dataFormat)
        else if (known) note(`${at}.${position}`, 'TAG_DATASET_UNKNOWN', { dataset })
      }
    }
    if (formats.size > 1) note(place, 'TAG_DATASET_FORMATS', { role: name, formats: [...formats].join(', ') })
  }
  for (const [index, { name, isDataConsumer }] of schema.roles.entries()) {
    if (isDataConsumer && !given.get(name)?.size) note(`schema.roles.${index}`, 'TAG_NO_DATASET', { role: name })
  }
}
