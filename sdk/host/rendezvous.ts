import { type ActorRef, type Behavior, fieldsOf, isActorRef, isNodeEnd, isString, listOf } from '../../runtime/index.ts'
import type { GroupView, Incarnation, Member, MembershipNews, RoleMessage } from '../role/channel/wiring.ts'
import { type Adoption, decodePlace, type Place } from './places.ts'

interface EndOfTask {
  readonly end: string
  readonly role: string
  readonly places: readonly Place[]
}

export type RendezvousMessage =
  | ({ readonly type: 'join'; readonly ref: ActorRef<RoleMessage> } & EndOfTask)
  | { readonly type: 'leave'; readonly end: string; readonly channel: string }
  | {
      readonly type: 'set-property'
      readonly end: string
      readonly channel: string
      readonly name: string
      readonly value: unknown
    }
  /** The end's role has failed for good. Told before the end's actor stops. */
  | { readonly type: 'failed'; readonly end: string; readonly ref: ActorRef<RoleMessage> }
  /** The end's actor is about to stop, and will be hosted again, here or elsewhere. */
  | { readonly type: 'expect'; readonly end: string }
  /** The end's task has failed, so that nobody needs to wait for the end. */
  | ({ readonly type: 'absent' } & EndOfTask)
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
    case 'failed':
      return isActorRef<RoleMessage>(fields.ref) ? { type, end, ref: fields.ref } : undefined
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

/** The adoptions of a run, which a later rendezvous of the run repeats. */
export interface Adoptions {
  load(): Promise<readonly Adoption[]>
  /** Resolves when the adoption is durable. */
  record(adoption: Adoption): Promise<void>
}

/** Adoptions that end with their rendezvous. */
export const forgottenAdoptions: Adoptions = { load: async () => [], record: async () => {} }

interface Participant {
  readonly end: string
  readonly role: string
  /** The end's own places, and those that it has adopted. */
  places: readonly Place[]
  readonly ref: ActorRef<RoleMessage>
  incarnation: Incarnation
  /** Will be hosted again after its stop. */
  isExpected: boolean
  /** By channel: what the end has published. Absent until it publishes something. */
  properties: ReadonlyMap<string, Readonly<Record<string, unknown>>> | undefined
  /** Channels that the end has joined and not left. Replaced at each change, since ends share it. */
  present: ReadonlySet<string>
}

const nowhere: ReadonlySet<string> = new Set()
const nothing: Readonly<Record<string, unknown>> = {}

/** Time for the ends of an ended node to join again. After this time they have left for good. */
const awayMs = 60_000

/**
 * The actor where the ends of a job find each other. Tells each end which other ends join, restart and leave for good.
 * The ends below an aggregator that has failed for good are adopted by the other aggregators of its level: both see
 * each other from then on, before the failed one leaves. Where several adopt, the aggregator above pairs each trainer
 * with one of them, as it does with the replicas of a group.
 */
export function rendezvous(adoptions: Adoptions = forgottenAdoptions): Behavior<RendezvousMessage> {
  return async (context) => {
    const participants = new Map<string, Participant>()
    /** Participants by channel, group and role. */
    const rooms = new Map<string, Map<string, Participant>>()
    /** Ends that never joined and won't, by room. */
    const absent = new Map<string, Set<string>>()
    const adopted = [...(await context.track(adoptions.load()))]
    const shared = new Map<string, ReadonlySet<string>>()

    return (message) => {
      switch (message.type) {
        case 'join':
          return join(message)
        case 'leave':
          return leave(message.end, message.channel)
        case 'set-property':
          return setProperty(message)
        case 'failed': {
          const participant = participants.get(message.end)
          // An earlier actor of the end says nothing of the present one.
          return participant?.ref === message.ref ? failed(participant) : undefined
        }
        case 'expect': {
          const participant = participants.get(message.end)
          if (participant) participant.isExpected = true
          return
        }
        case 'absent':
          return failed(participants.get(message.end) ?? message)
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

    /** Another end of the same level, if there is one, adopts the ends below a failed end. The failed end leaves after that. */
    async function failed(of: EndOfTask): Promise<void> {
      const places = of.places.filter(({ stands }) => stands === 'above')
      const heirs = places.length > 0 && of.places.length > places.length ? heirsOf(of, places) : []
      if (heirs.length > 0) {
        const adoption = { end: of.end, heirs, places }
        await context.track(adoptions.record(adoption))
        adopted.push(adoption)
        for (const heir of heirs) adopt(heir, places)
      }
      giveUp(of)
    }

    /** The present ends of the same role below the same aggregators, or else all present ends of the role. */
    function heirsOf({ end, role, places }: EndOfTask, above: readonly Place[]): readonly string[] {
      const others = [...participants.values()].filter(
        (other) => other.role === role && other.end !== end && other.present.size > 0,
      )
      const sees = (other: Participant, place: Place) => room(place, role).get(other.end) === other
      // A replica has the same ends below it already.
      if (others.some((other) => above.every((place) => sees(other, place)))) return []
      const siblings = others.filter((other) => places.every((place) => place.stands === 'above' || sees(other, place)))
      return (siblings.length > 0 ? siblings : others).map((other) => other.end).toSorted()
    }

    function adopt(heir: string, places: readonly Place[]): void {
      const participant = participants.get(heir)
      if (!participant) return
      for (const place of places) {
        const { channel } = place
        if (room(place, participant.role).has(heir)) continue
        participant.places = [...participant.places, place]
        room(place, participant.role).set(heir, participant)
        if (!participant.present.has(channel)) continue
        for (const other of room(place, place.otherRole).values()) {
          if (!other.present.has(channel)) continue
          other.ref.tell({ type: 'joined', channel, member: memberOf(participant, channel) })
          participant.ref.tell({ type: 'joined', channel, member: memberOf(other, channel) })
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
              properties: undefined,
              present: nowhere,
            })
      participant.incarnation += 1
      participant.properties = undefined
      const channels = channelsOf(participant.places)
      const views = Array.from(channels, (channel) => view(participant, channel))
      ref.tell({ type: 'welcome', incarnation: participant.incarnation, channels: views })
      participant.present = channels
      for (const channel of channels)
        tellOthers(participant, { type: 'joined', channel, member: memberOf(participant, channel) })
    }

    /** The channels of places, as a set that ends with the same channels share. */
    function channelsOf(places: readonly Place[]): ReadonlySet<string> {
      const channels = new Set(places.map(({ channel }) => channel))
      const name = JSON.stringify([...channels])
      const known = shared.get(name) ?? channels
      shared.set(name, known)
      return known
    }

    function enter(participant: Participant): Participant {
      participant.incarnation = participants.get(participant.end)?.incarnation ?? 0
      participants.set(participant.end, participant)
      const { end, role, ref } = participant
      const heirlooms = adopted.flatMap(({ heirs, places }) => (heirs.includes(end) ? places : []))
      if (heirlooms.length > 0) participant.places = [...participant.places, ...heirlooms]
      for (const place of participant.places) {
        room(place, role).set(end, participant)
        absent.get(roomName(place, role))?.delete(end)
      }
      context.watch(ref, ({ cause }) => ({ type: 'terminated', end, ref, isAway: isNodeEnd(cause) }))
      return participant
    }

    function leave(end: string, channel: string): void {
      const participant = participants.get(end)
      if (!participant?.present.has(channel)) return
      participant.present = new Set([...participant.present].filter((other) => other !== channel))
      tellOthers(participant, { type: 'left', channel, end })
    }

    function giveUp({ end, role, places }: EndOfTask): void {
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
      if (!participant?.places.some((place) => place.channel === channel)) return
      const published = { ...participant.properties?.get(channel), [name]: value }
      participant.properties = new Map([...(participant.properties ?? []), [channel, published]])
      tellOthers(participant, { type: 'property', channel, end, name, value })
    }

    /** Tells the news of a channel to the present ends that the participant sees on the channel. */
    function tellOthers(participant: Participant, news: Exclude<MembershipNews, { type: 'welcome' }>): void {
      for (const place of participant.places) {
        if (place.channel !== news.channel) continue
        for (const other of room(place, place.otherRole).values())
          if (other !== participant && other.present.has(place.channel)) other.ref.tell(news)
      }
    }

    function view(participant: Participant, channel: string): GroupView {
      const members: Member[] = []
      const gone: string[] = []
      for (const place of participant.places) {
        if (place.channel !== channel) continue
        for (const other of room(place, place.otherRole).values()) {
          if (other === participant) continue
          if (other.present.has(channel)) members.push(memberOf(other, channel))
          else gone.push(other.end)
        }
        gone.push(...(absent.get(roomName(place, place.otherRole)) ?? []))
      }
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
  return { end, incarnation, ref, properties: properties?.get(channel) ?? nothing }
}
