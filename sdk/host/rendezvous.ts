import { type ActorRef, type Behavior, fieldsOf, isActorRef, isNodeEnd, isString, listOf } from '../../runtime/index.ts'
import type { GroupView, Incarnation, Member, MembershipNews, RoleMessage } from '../role/channel/wiring.ts'

/** A channel that an end joins, and the end's group there. */
export interface Place {
  readonly channel: string
  readonly group: string
  /** The role whose ends this end sees on the channel. */
  readonly otherRole: string
}

export type RendezvousMessage =
  | {
      readonly type: 'join'
      readonly end: string
      readonly role: string
      readonly places: readonly Place[]
      readonly ref: ActorRef<RoleMessage>
    }
  | { readonly type: 'leave'; readonly end: string; readonly channel: string }
  | {
      readonly type: 'set-property'
      readonly end: string
      readonly channel: string
      readonly name: string
      readonly value: unknown
    }
  /** The end's actor is about to stop, and will be hosted again, here or elsewhere. */
  | { readonly type: 'expect'; readonly end: string }
  /** The end's task has failed, so that nobody needs to wait for the end. */
  | { readonly type: 'absent'; readonly end: string; readonly role: string; readonly places: readonly Place[] }
  | {
      readonly type: 'terminated'
      readonly end: string
      readonly ref: ActorRef<RoleMessage>
      /** The end's node has ended, and may come back with the end. */
      readonly isAway: boolean
    }

/** Decodes a message of another node. Refuses `terminated`, `expect` and `absent`, which come from this node alone. */
export function decodeRendezvousMessage(value: unknown): RendezvousMessage | undefined {
  const { type, end, channel, ...fields } = fieldsOf(value)
  if (!isString(end)) return undefined
  switch (type) {
    case 'join': {
      const { role, ref } = fields
      const places = listOf(fields.places, decodePlace)
      return isString(role) && places && isActorRef<RoleMessage>(ref) ? { type, end, role, places, ref } : undefined
    }
    case 'leave':
      return isString(channel) ? { type, end, channel } : undefined
    case 'set-property': {
      const { name } = fields
      return isString(channel) && isString(name) ? { type, end, channel, name, value: fields.value } : undefined
    }
    default:
      return undefined
  }
}

function decodePlace(value: unknown): Place | undefined {
  const { channel, group, otherRole } = fieldsOf(value)
  return isString(channel) && isString(group) && isString(otherRole) ? { channel, group, otherRole } : undefined
}

interface Participant {
  readonly end: string
  readonly role: string
  readonly places: readonly Place[]
  readonly ref: ActorRef<RoleMessage>
  incarnation: Incarnation
  /** Will be hosted again after its stop. */
  isExpected: boolean
  readonly properties: Map<string, Record<string, unknown>>
  /** Channels that the end has joined and not left. */
  readonly present: Set<string>
}

/** Time for the ends of an ended node to join again. After this time they have left for good. */
const awayMs = 60_000

/**
 * The actor where the ends of a job find each other. Tells each end which other ends join, restart and leave for good.
 */
export function rendezvous(): Behavior<RendezvousMessage> {
  return (context) => {
    const participants = new Map<string, Participant>()
    /** Participants by channel, group and role. */
    const rooms = new Map<string, Map<string, Participant>>()
    /** Ends that never joined and won't, by room. */
    const absent = new Map<string, Set<string>>()

    return (message) => {
      switch (message.type) {
        case 'join':
          return join(message)
        case 'leave':
          return leave(message.end, message.channel)
        case 'set-property':
          return setProperty(message)
        case 'expect': {
          const participant = participants.get(message.end)
          if (participant) participant.isExpected = true
          return
        }
        case 'absent':
          return giveUp(message)
        case 'terminated': {
          const participant = participants.get(message.end)
          // A newer actor may have joined under the same end meanwhile.
          if (participant?.ref !== message.ref) return
          if (message.isAway || participant.isExpected) {
            participant.isExpected = false
            return void context.after(awayMs, { ...message, isAway: false })
          }
          for (const { channel } of participant.places) leave(message.end, channel)
        }
      }
    }

    function join({ end, role, places, ref }: Extract<RendezvousMessage, { type: 'join' }>): void {
      const known = participants.get(end)
      const participant: Participant =
        known?.ref === ref
          ? known
          : enter({
              end,
              role,
              places,
              ref,
              incarnation: 0,
              isExpected: false,
              properties: new Map(),
              present: new Set(),
            })
      participant.incarnation += 1
      participant.properties.clear()
      const channels = places.map((place) => view(participant, place))
      ref.tell({ type: 'welcome', incarnation: participant.incarnation, channels })
      for (const place of places) {
        participant.present.add(place.channel)
        tellOthers(participant, place, {
          type: 'joined',
          channel: place.channel,
          member: memberOf(participant, place.channel),
        })
      }
    }

    function enter(participant: Participant): Participant {
      participant.incarnation = participants.get(participant.end)?.incarnation ?? 0
      participants.set(participant.end, participant)
      const { end, role, ref } = participant
      for (const place of participant.places) {
        room(place, role).set(end, participant)
        absent.get(roomName(place, role))?.delete(end)
      }
      context.watch(ref, ({ cause }) => ({ type: 'terminated', end, ref, isAway: isNodeEnd(cause) }))
      return participant
    }

    function leave(end: string, channel: string): void {
      const participant = participants.get(end)
      const place = participant?.places.find((candidate) => candidate.channel === channel)
      if (!participant || !place || !participant.present.delete(channel)) return
      tellOthers(participant, place, { type: 'left', channel, end })
    }

    function giveUp({ end, role, places }: Extract<RendezvousMessage, { type: 'absent' }>): void {
      for (const place of places) {
        leave(end, place.channel)
        if (participants.has(end)) continue
        const name = roomName(place, role)
        absent.set(name, (absent.get(name) ?? new Set()).add(end))
        for (const other of room(place, place.otherRole).values())
          if (other.present.has(place.channel)) other.ref.tell({ type: 'left', channel: place.channel, end })
      }
    }

    function setProperty({ end, channel, name, value }: Extract<RendezvousMessage, { type: 'set-property' }>): void {
      const participant = participants.get(end)
      const place = participant?.places.find((candidate) => candidate.channel === channel)
      if (!participant || !place) return
      participant.properties.set(channel, { ...participant.properties.get(channel), [name]: value })
      tellOthers(participant, place, { type: 'property', channel, end, name, value })
    }

    function tellOthers(participant: Participant, { channel, group, otherRole }: Place, news: MembershipNews): void {
      for (const other of room({ channel, group }, otherRole).values()) {
        if (other !== participant && other.present.has(channel)) other.ref.tell(news)
      }
    }

    function view(participant: Participant, { channel, group, otherRole }: Place): GroupView {
      const members: Member[] = []
      const gone: string[] = []
      for (const other of room({ channel, group }, otherRole).values()) {
        if (other === participant) continue
        if (other.present.has(channel)) members.push(memberOf(other, channel))
        else gone.push(other.end)
      }
      gone.push(...(absent.get(roomName({ channel, group }, otherRole)) ?? []))
      return { channel, members, gone }
    }

    function room({ channel, group }: Pick<Place, 'channel' | 'group'>, role: string): Map<string, Participant> {
      const name = roomName({ channel, group }, role)
      const found = rooms.get(name) ?? new Map<string, Participant>()
      rooms.set(name, found)
      return found
    }
  }
}

function roomName({ channel, group }: Pick<Place, 'channel' | 'group'>, role: string): string {
  return JSON.stringify([channel, group, role])
}

function memberOf({ end, incarnation, ref, properties }: Participant, channel: string): Member {
  return { end, incarnation, ref, properties: properties.get(channel) ?? {} }
}
