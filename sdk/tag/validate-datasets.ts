import { type Findings, type NoteFault, shortList, type TopologyFacts } from './errors.ts'
import {
  associationsByGroup,
  gathersParties,
  groupsOf,
  impliedGroups,
  type SchemaChannel,
  type SchemaRole,
} from './schema.ts'
import { countOf, datasetOf, type Topology, taskCount, taskCounts, tasksOf, tasksWithData } from './topology.ts'

/** Finds faults in the datasets of the data consumers' groups. */
export function datasetFaults(
  { schema, dataSpec }: Topology,
  { datasets: known, datasetsFollow = false }: TopologyFacts,
  { joined, unplaced }: Findings,
  note: NoteFault,
): void {
  if (datasetsFollow) return
  const byName = new Map(schema.roles.map((role) => [role.name, role]))
  const hasConsumer = schema.roles.some(({ isDataConsumer }) => isDataConsumer)
  const formatsOf = new Map<string, { readonly formats: Set<string>; readonly place: string }>()
  const withData = new Set<string>()
  const unknownRoles = new Set<string>()
  const groupsFound = new Map<string, ReadonlySet<string>>()
  /** Cached, since a role may have many entries. */
  const groupsByRole = (role: SchemaRole) => {
    const found = groupsFound.get(role.name) ?? groupsWithData(role, joined(role.name), unplaced.has(role.name))
    groupsFound.set(role.name, found)
    return found
  }
  for (const [index, { role: name, datasetGroups }] of dataSpec.entries()) {
    const place = `dataSpec.${index}`
    const role = byName.get(name)
    if (!role) {
      unknownRoles.add(name)
      note(`${place}.role`, 'TAG_ROLE_UNKNOWN', { role: name, known: shortList(byName) })
      continue
    }
    if (!role.isDataConsumer && hasConsumer) note(`${place}.role`, 'TAG_NOT_A_DATA_CONSUMER', { role: name })
    const groups = groupsByRole(role)
    const { formats } = formatsOf.get(name) ?? { formats: new Set<string>() }
    if (!formatsOf.has(name)) formatsOf.set(name, { formats, place })
    for (const [group, entries] of Object.entries(datasetGroups)) {
      const at = `${place}.datasetGroups.${group}`
      if (!groups.has(group)) note(at, 'TAG_DATASET_GROUP', { role: name, group })
      const count = tasksOf(entries)
      if (count > 1 && gathersParties(joined(name), name)) note(at, 'TAG_LABEL_HOLDERS', { role: name, group, count })
      for (const [position, entry] of entries.entries()) {
        if (countOf(entry) > 0) withData.add(name)
        const dataset = datasetOf(entry)
        const facts = known?.get(dataset)
        if (facts) formats.add(facts.dataFormat)
        else if (known) note(`${at}.${position}`, 'TAG_DATASET_UNKNOWN', { dataset })
      }
    }
  }
  for (const [name, { formats, place }] of formatsOf)
    if (formats.size > 1) note(place, 'TAG_DATASET_FORMATS', { role: name, formats: shortList(formats) })
  const without = [...schema.roles.entries()].filter(
    ([, { name, isDataConsumer }]) => isDataConsumer && !withData.has(name),
  )
  // Each unknown role in dataSpec may stand for one data consumer without datasets, which then isn't a further fault.
  if (without.length > unknownRoles.size)
    for (const [index, { name }] of without) note(`schema.roles.${index}`, 'TAG_NO_DATASET', { role: name })
}

/**
 * Groups in which a data consumer may have datasets. If its associations have faults, all groups of its channels, since
 * a correct association would name one of these.
 */
function groupsWithData(role: SchemaRole, joined: readonly SchemaChannel[], isUnplaced: boolean): ReadonlySet<string> {
  const placed = associationsByGroup(role, impliedGroups(joined)).keys()
  return new Set([...placed, ...(isUnplaced ? joined.flatMap(groupsOf) : [])])
}

/** Most channels that a task joins, on average over the most tasks. */
const joinsOfTask = 20

/**
 * Finds too many tasks: at a role's replicas if these alone are too many, else at the datasets. Or too many joins, if
 * many tasks each join many channels: a task keeps its groups of all its channels.
 */
export function countFaults(
  topology: Topology,
  { mostTasks }: TopologyFacts,
  { joined }: Findings,
  note: NoteFault,
): void {
  if (mostTasks === undefined) return
  const { byRole } = taskCounts(topology)
  let isTold = false
  for (const [index, { name }] of topology.schema.roles.entries()) {
    const count = byRole.get(name) ?? 0
    if (count <= mostTasks) continue
    note(`schema.roles.${index}.replica`, 'TAG_TASKS', { count, most: mostTasks })
    isTold = true
  }
  const count = taskCount(topology)
  if (count > mostTasks && !isTold) note('dataSpec', 'TAG_TASKS', { count, most: mostTasks })
  let joins = 0
  for (const [role, tasks] of [...byRole, ...tasksWithData(topology)]) joins += tasks * joined(role).length
  const most = joinsOfTask * mostTasks
  if (joins > most && count <= mostTasks) note('schema.channels', 'TAG_JOINS', { count: joins, most })
}
