import { knownNames } from '../../../runtime/index.ts'
import {
  type AnyRole,
  channelsByRole,
  type RoleTask,
  type Schema,
  stockRoles,
  type Task,
  wiringOf,
  withGroups,
} from '../../../sdk/index.ts'
import { controllerError } from '../errors.ts'

/**
 * A job's tasks as their role actors run them. Its clients are its data consumers: in their order, unless `clientOf` says
 * otherwise. JOB_ROLE_UNKNOWN.
 */
export function roleTasksOf(
  { schema, tasks }: { readonly schema: Schema; readonly tasks: readonly Omit<Task, 'channels'>[] },
  clientOf: (end: string) => number | undefined = () => undefined,
): RoleTask[] {
  const joined = channelsByRole(schema)
  const channels = new Map(schema.roles.map(({ name }) => [name, withGroups(joined(name))]))
  const wired = tasks.map((task) => ({ ...task, channels: channels.get(task.role) ?? [] }))
  const wire = wiringOf(wired)
  let clients = 0
  return wired.map((task) => {
    const channels = wire(task)
    const tags = new Set(channels.flatMap(({ funcTags }) => funcTags))
    const role = stockRoleFor(task.role, task.dataset !== undefined, tags)
    if (task.dataset === undefined) return { end: task.end, role, channels }
    const client = clientOf(task.end) ?? clients
    clients += 1
    return { end: task.end, role, channels, client }
  })
}

/** JOB_CLIENTS where a task trains on a client that the workload has no data for. */
export function requireClients(tasks: readonly RoleTask[], known: number): void {
  const clients = tasks.flatMap(({ client }) => (client === undefined ? [] : [client]))
  const missing = clients.find((client) => !(Number.isInteger(client) && client >= 0 && client < known))
  if (missing !== undefined) throw controllerError('JOB_CLIENTS', { clients: clients.length, known, missing })
}

/** By its name; or else, under the schema's name, by its place: what it does on its channels. */
function stockRoleFor(name: string, holdsData: boolean, tags: ReadonlySet<string>): AnyRole {
  const known = Object.hasOwn(stockRoles, name) ? stockRoles[name] : undefined
  if (known) return known
  const [trains, aggregates] = [tags.has('upload'), tags.has('aggregate')]
  const place = aggregates ? (trains ? 'middle-aggregator' : 'top-aggregator') : 'trainer'
  const stock = stockRoles[place]
  if (!stock || holdsData !== (place === 'trainer') || !(trains || aggregates))
    throw controllerError('JOB_ROLE_UNKNOWN', { role: name, known: knownNames(name, Object.keys(stockRoles)) })
  return { name, runOn: (runner) => stock.runOn(runner) }
}
