import type { ChannelWiring } from '../role/channel/wiring.ts'
import { defaultGroup, otherRole } from './channels.ts'
import type { Task } from './task.ts'

/** For each task of a job, how its channels lie. In linear time; tasks of a group share their set of expected ends. */
export function wiringOf(tasks: readonly Task[]): (task: Task) => ChannelWiring[] {
  const rooms = new Map<string, Set<string>>()
  const roomOf = (channel: string, group: string, role: string) => {
    const name = JSON.stringify([channel, group, role])
    const room = rooms.get(name) ?? new Set<string>()
    rooms.set(name, room)
    return room
  }
  const rolesWithData = new Set<string>()
  for (const { channels, groupAssociation, role, end, dataset } of tasks) {
    if (dataset !== undefined) rolesWithData.add(role)
    for (const { name } of channels) roomOf(name, groupAssociation[name] ?? defaultGroup, role).add(end)
  }
  return ({ channels, groupAssociation, role }) =>
    channels.map((channel) => {
      const group = groupAssociation[channel.name] ?? defaultGroup
      const other = otherRole(channel, role)
      return {
        name: channel.name,
        group,
        otherRole: other,
        funcTags: channel.funcTags?.[role] ?? [],
        othersHoldData: rolesWithData.has(other),
        expected: roomOf(channel.name, group, other),
      }
    })
}
