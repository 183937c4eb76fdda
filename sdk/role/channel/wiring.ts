import { type ActorRef, fieldsOf, isActorRef, isCount, isString, isStrings, listOf } from '../../../runtime/index.ts'
import type { Task } from '../../tag/expand.ts'
import { defaultGroup, funcTagsOf, otherRole } from '../../tag/schema.ts'

/** One channel of a task, as the topology wires it. */
export interface ChannelWiring {
  readonly name: string
  readonly group: string
  readonly otherRole: string
  /** Func tags of this task's role on the channel. */
  readonly funcTags: readonly string[]
  readonly othersHoldData: boolean
  /** Whether the ends of the other role are joined in rings. */
  readonly othersReduce: boolean
  /** Of ends that gossip: the name of the graph that joins them. */
  readonly graph?: string
  /** All other ends that the job has in this group. The tasks of a group share the set. */
  readonly expected: ReadonlySet<string>
}

/**
 * Counts the starts of an end, so that messages of an earlier start are distinguished from those of the current one.
 */
export type Incarnation = number

/** A message between two ends of a channel. */
export interface Delivery {
  readonly type: 'deliver'
  readonly channel: string
  readonly from: string
  readonly incarnation: Incarnation
  /** Counts the messages from this incarnation to the receiver's incarnation on this channel, from 1. */
  readonly number: number
  /**
   * The receiver's incarnation that the sender knew. A later incarnation ignores the message: kept messages are sent
   * again.
   */
  readonly to: Incarnation
  readonly message: unknown
  /** The sender keeps the message until the receiver has acknowledged it. */
  readonly acknowledge?: true
}

/**
 * Tells the sender that the receiver's round which took a message has been committed, so that the sender needn't keep
 * that message or earlier ones.
 */
export interface Acknowledgement {
  readonly type: 'acknowledged'
  readonly channel: string
  /** The end that took the messages, and the end's incarnation. */
  readonly from: string
  readonly incarnation: Incarnation
  /** The incarnation that sent the messages. */
  readonly to: Incarnation
  /** Number of the last taken message. */
  readonly upTo: number
}

/** Messages between the ends of a channel. */
export type ChannelMessage = Delivery | Acknowledgement

/** An end that has joined a channel's group. */
export interface Member {
  readonly end: string
  readonly incarnation: Incarnation
  readonly ref: ActorRef<ChannelMessage>
  readonly properties: Readonly<Record<string, unknown>>
}

/** News about the other ends of an end's groups. */
export type MembershipNews =
  /** The answer to joining: the ends that are present, and those that have left for good. */
  | { readonly type: 'welcome'; readonly incarnation: Incarnation; readonly channels: readonly GroupView[] }
  /** An end has joined, or joined again as a new incarnation. */
  | { readonly type: 'joined'; readonly channel: string; readonly member: Member }
  | { readonly type: 'left'; readonly channel: string; readonly end: string }
  | {
      readonly type: 'property'
      readonly channel: string
      readonly end: string
      readonly name: string
      readonly value: unknown
    }

/** All messages about channels that a role's host receives. */
export type RoleMessage = ChannelMessage | MembershipNews

export interface GroupView {
  readonly channel: string
  readonly members: readonly Member[]
  readonly gone: readonly string[]
}

/** Decodes a message of another node to the host of a role. The role checks the content of a delivery. */
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

/** The facts of a task that its wiring needs. */
type WiredTask = Pick<Task, 'end' | 'role' | 'groupAssociation' | 'dataset'>

/** Wires the channels of each task of a job. Takes linear time; the tasks of a group share one set of expected ends. */
export function wiringOf(
  tasks: readonly (WiredTask & Pick<Task, 'channels'>)[],
): (task: WiredTask & Pick<Task, 'channels'>) => ChannelWiring[] {
  return wiringBy(tasks, ({ channels }) => channels)
}

/** As `wiringOf`, of tasks that don't carry their channels: `joinedBy` gives the channels that a task joins. */
export function wiringBy<Wired extends WiredTask>(
  tasks: readonly Wired[],
  joinedBy: (task: Wired) => Task['channels'],
): (task: Wired) => ChannelWiring[] {
  const rooms = new Map<string, Set<string>>()
  const roomOf = (channel: string, group: string, role: string) => {
    const name = JSON.stringify([channel, group, role])
    const room = rooms.get(name) ?? new Set<string>()
    rooms.set(name, room)
    return room
  }
  const rolesWithData = new Set<string>()
  const rolesInRings = new Set<string>()
  for (const task of tasks) {
    const { groupAssociation, role, end, dataset } = task
    if (dataset !== undefined) rolesWithData.add(role)
    for (const channel of joinedBy(task)) {
      const { name } = channel
      roomOf(name, groupAssociation[name] ?? defaultGroup, role).add(end)
      if (funcTagsOf(channel, role).includes('ring_allreduce')) rolesInRings.add(role)
    }
  }
  return (task) =>
    joinedBy(task).map((channel) => {
      const { groupAssociation, role } = task
      const group = groupAssociation[channel.name] ?? defaultGroup
      const other = otherRole(channel, role)
      return {
        name: channel.name,
        group,
        otherRole: other,
        funcTags: funcTagsOf(channel, role),
        othersHoldData: rolesWithData.has(other),
        othersReduce: rolesInRings.has(other),
        ...(channel.graph !== undefined && { graph: channel.graph }),
        expected: roomOf(channel.name, group, other),
      }
    })
}
