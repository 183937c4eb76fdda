import { type ActorRef, isActorRef } from '../../../runtime/index.ts'
import type { Task } from '../../tag/expand.ts'
import { defaultGroup, otherRole } from '../../tag/schema.ts'
import { fieldsOf, isCount, isString, isStrings, listOf } from '../guards.ts'

/** How a channel of one task lies in the topology. */
export interface ChannelWiring {
  readonly name: string
  readonly group: string
  readonly otherRole: string
  /** Func tags of this task's role on the channel. */
  readonly funcTags: readonly string[]
  readonly othersHoldData: boolean
  /** All other ends that the job has in this group; shared between the tasks of a group. */
  readonly expected: ReadonlySet<string>
}

/** Numbers each start of an end, so that what an earlier one sent can be told from what this one sends. */
export type Incarnation = number

/** A message between two ends of a channel. */
export interface Delivery {
  readonly type: 'deliver'
  readonly channel: string
  readonly from: string
  readonly incarnation: Incarnation
  /** Counts what this incarnation has sent to that of the receiver on this channel, from 1 on. */
  readonly number: number
  /** The receiver's incarnation that the sender knew of. A later one ignores it: what was kept comes again, from its beginning. */
  readonly to: Incarnation
  readonly message: unknown
  /** The sender keeps the message until the receiver has acknowledged it. */
  readonly acknowledge?: true
}

/** Says that the round which took a message, and those before it, has ended: the sender need not keep them for this end. */
export interface Acknowledgement {
  readonly type: 'acknowledged'
  readonly channel: string
  /** The end that took the messages, and its incarnation. */
  readonly from: string
  readonly incarnation: Incarnation
  /** The incarnation that sent them. */
  readonly to: Incarnation
  /** Number of the last message that was taken. */
  readonly upTo: number
}

/** What the ends of a channel tell each other. */
export type ChannelMessage = Delivery | Acknowledgement

/** An end that has joined a channel's group. */
export interface Member {
  readonly end: string
  readonly incarnation: Incarnation
  readonly ref: ActorRef<ChannelMessage>
  readonly properties: Readonly<Record<string, unknown>>
}

/** What an end hears of the others of its groups. */
export type MembershipNews =
  /** The answer to joining: who is there, and who has left for good. */
  | { readonly type: 'welcome'; readonly incarnation: Incarnation; readonly channels: readonly GroupView[] }
  /** Joined, or joined again as a new incarnation. */
  | { readonly type: 'joined'; readonly channel: string; readonly member: Member }
  | { readonly type: 'left'; readonly channel: string; readonly end: string }
  | {
      readonly type: 'property'
      readonly channel: string
      readonly end: string
      readonly name: string
      readonly value: unknown
    }

/** Everything that the host of a role hears of its channels. */
export type RoleMessage = ChannelMessage | MembershipNews

export interface GroupView {
  readonly channel: string
  readonly members: readonly Member[]
  readonly gone: readonly string[]
}

/** Reads a message that another node sent to the host of a role. A role checks what a delivery carries. */
export function decodeRoleMessage(value: unknown): RoleMessage | undefined {
  const { type, channel, from, incarnation, to, ...fields } = fieldsOf(value)
  if (type === 'welcome') {
    const channels = listOf(fields.channels, decodeView)
    return isCount(incarnation) && channels ? { type, incarnation, channels } : undefined
  }
  if (!isString(channel)) return undefined
  switch (type) {
    case 'deliver': {
      const { number, message } = fields
      if (!isString(from) || !isCount(incarnation) || !isCount(number) || !isCount(to)) return undefined
      const delivery = { type, channel, from, incarnation, number, to, message } as const
      return fields.acknowledge === true ? { ...delivery, acknowledge: true } : delivery
    }
    case 'acknowledged': {
      const { upTo } = fields
      if (!isString(from) || !isCount(incarnation) || !isCount(to) || !isCount(upTo)) return undefined
      return { type, channel, from, incarnation, to, upTo }
    }
    case 'joined': {
      const member = decodeMember(fields.member)
      return member && { type, channel, member }
    }
    case 'left':
      return isString(fields.end) ? { type, channel, end: fields.end } : undefined
    case 'property': {
      const { end, name } = fields
      return isString(end) && isString(name) ? { type, channel, end, name, value: fields.value } : undefined
    }
    default:
      return undefined
  }
}

function decodeView(value: unknown): GroupView | undefined {
  const { channel, members, gone } = fieldsOf(value)
  const decoded = listOf(members, decodeMember)
  return isString(channel) && decoded && isStrings(gone) ? { channel, members: decoded, gone } : undefined
}

function decodeMember(value: unknown): Member | undefined {
  const { end, incarnation, ref, properties } = fieldsOf(value)
  if (!isString(end) || !isCount(incarnation) || !isActorRef<ChannelMessage>(ref)) return undefined
  return { end, incarnation, ref, properties: fieldsOf(properties) }
}

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
