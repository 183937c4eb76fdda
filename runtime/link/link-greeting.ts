import { isStoreTrouble } from '../durable/errors.ts'
import { type LinkError, linkError } from './errors.ts'
import type { Frame, Route } from './frame.ts'
import {
  closeBody,
  decodeChallenge,
  decodeGreeting,
  encodeChallenge,
  encodeGreeting,
  entryIn,
  features,
  type Greeting,
  isSameNonce,
  nonceBytes,
  packRest,
  spokenVersion,
  version,
} from './greeting.ts'
import type { Hello, LinkParts } from './link-parts.ts'
import { fromTheBeginning, type LinkRoutes, lanesOf } from './link-routes.ts'
import {
  type Carrier,
  type Dialled,
  entryName,
  handshakeError,
  incarnationEnded,
  type Member,
  nameError,
  nameOf,
} from './member.ts'
import type { PeerRights } from './protocol.ts'
import { Quarantine } from './quarantine.ts'

/** Reasons of this node that count towards the quarantine of the address, as long as nobody is known to be there. */
const counts: readonly string[] = [
  'LINK_TOKEN',
  'LINK_REPLAY',
  'LINK_HANDSHAKE',
  'LINK_FRAME',
  'LINK_VALUE',
  'LINK_DAMAGED',
]
const noRights: PeerRights = { mayStop: false }

/** The greetings of a link's actor: with nodes that it has dialled, and with strangers that have dialled it. */
export function linkGreeting({ context, own, settings, members, now }: LinkParts, routes: LinkRoutes) {
  const { authenticate, codec, checkSums, randomBytes, mostGreeting } = settings
  const quarantine = new Quarantine()
  let lastEpoch = 0

  return { accept, greeted, admitted, denied, challenged, welcomed, refuse, blame }

  /** Challenges a node that has made a route. */
  function accept(route: Route, from: string, rights?: PeerRights): void {
    const carrier = routes.carrierOf(route, from, rights)
    if (isQuarantined(carrier, addressName(from))) return
    if (routes.strangers() >= mostGreeting)
      // Not reported, or a flood of strangers would flood the audit log.
      return refuse(carrier, linkError('LINK_BUSY', { node: 'unknown', found: 'too many nodes greet at once' }), true)
    carrier.nonce = Uint8Array.from(randomBytes(nonceBytes))
    const { node, nodeIncarnation: incarnation } = own
    const challenge = { ...version, features: offered(route), node, incarnation, nonce: carrier.nonce }
    routes.listen(carrier)
    carrier.route.send(routes.frameOf('challenge', encodeChallenge(challenge)))
  }

  /** Features that this node has, or wants for a route. */
  function offered(route: Route): number {
    const wantsSums = checkSums === 'always' || route.isRelayed === true
    return features.checkSums | (wantsSums ? features.wantsCheckSums : 0) | (codec ? features.deflate : 0)
  }

  function agree({ route }: Carrier, agreed: number): void {
    const isChecked = (agreed & features.checkSums) !== 0
    route.agree({ isChecked, codec: agreed & features.deflate ? codec : undefined })
  }

  /** Takes the greeting of a node that has made a route, and finds out who the node is. */
  function greeted(carrier: Carrier, frame: Frame): void {
    const greeting = decodeGreeting(frame.body)
    const { node, incarnation, nonce, token } = greeting
    carrier.claimed = { node, incarnation }
    carrier.state = 'greeted'
    if (!isSameNonce(nonce, carrier.nonce)) throw linkError('LINK_REPLAY', { node })
    if (carrier.rights) return admitted({ carrier, frame, greeting }, carrier.rights)
    const { from } = carrier
    const decided = new Promise<PeerRights>((resolve, reject) => {
      if (authenticate) resolve(authenticate({ token, node, from }))
      else reject(new Error('this node lets no nodes in by their tokens'))
    })
    context.track(decided).then(
      (rights) => context.self.tell({ type: 'admitted', carrier, frame, greeting, rights }),
      (cause: unknown) => context.self.tell({ type: 'denied', carrier, frame, greeting, cause }),
    )
  }

  function denied({ carrier, greeting: { node } }: Hello, cause: unknown): void {
    if (carrier.state === 'closed') return
    if (isStoreTrouble(cause))
      refuse(carrier, linkError('LINK_BUSY', { node, found: 'a store is in trouble' }, { cause }))
    else refuse(carrier, linkError('LINK_TOKEN', { node }, { cause }))
  }

  /** Begins or resumes the session with a node whose token was accepted. */
  function admitted({ carrier, frame, greeting }: Hello, rights: PeerRights): void {
    if (carrier.state === 'closed') return
    const { node, incarnation, peerIncarnation, epoch, major, lanes, token } = greeting
    const identity = rights.identity ?? rights.node ?? (carrier.rights ? node : `token ${token}`)
    if (isQuarantined(carrier, identityName(identity))) return
    quarantine.forgive(addressName(carrier.from))
    if (node !== (rights.node ?? node)) throw nameError(node, `its token is for ${rights.node}`)
    const known = members.living({ node, incarnation, identity }, routes.replace)
    const isResumed = peerIncarnation === own.nodeIncarnation
    if (known ? !isResumed && known.session.hasBegun : isResumed) {
      if (known) routes.end(known, 'it has forgotten the session', incarnationEnded(known.peer))
      throw incarnationEnded({ node, nodeIncarnation: incarnation })
    }
    if (!known && lanes === 'bulk') throw handshakeError(node, 'there is no session for its bulk lane')
    // This route was replaced, or lost, before its greeting arrived.
    if (known && lanesOf[lanes].some((lane) => known.session.epochs[lane] >= epoch)) return routes.shut(carrier)
    const newcomer = { node, incarnation, identity, rights, given: entryIn(greeting.rest), isDialled: false }
    const member = known ?? members.begin(newcomer, now())
    member.rights = rights
    carrier.epoch = epoch
    carrier.entry = member.entry
    const agreed = greeting.features & offered(carrier.route.route)
    // Greets first, since the other node can't read another frame before.
    carrier.route.send(greetingFrame('welcome', carrier, { major, lanes, token: '', features: agreed }, member))
    agree(carrier, agreed)
    routes.attach(carrier, member, lanes, isResumed ? frame : { ...frame, expected: fromTheBeginning })
    if (!known) settings.onPeer?.(member.peer)
  }

  /** Answers the challenge of a node that this node has dialled. */
  function challenged(carrier: Carrier, { node: expected, token, lanes, connection }: Dialled, frame: Frame): void {
    const challenge = decodeChallenge(frame.body)
    const major = spokenVersion(challenge)
    const { node, incarnation, nonce } = challenge
    carrier.claimed = { node, incarnation }
    if (node !== (expected ?? node)) throw nameError(node, `${expected} was expected`)
    const known = members.get(node)
    const member = known?.peer.nodeIncarnation === incarnation ? known : undefined
    if (lanes === 'bulk' && !member) throw handshakeError(node, 'there is no session for its bulk lane')
    lastEpoch += 1
    carrier.state = 'greeted'
    carrier.nonce = nonce
    carrier.epoch = lastEpoch
    const { rights = noRights } = carrier
    // The other node may have begun the session with an earlier greeting, though its answer was lost.
    const { given } = connection ?? {}
    const isGiven = given?.node === node && given.nodeIncarnation === incarnation
    if (member) carrier.entry = member.entry
    else if (isGiven) carrier.entry = given.entry
    else carrier.entry = members.entryFor({ rights }, { node, nodeIncarnation: incarnation })
    if (connection) {
      connection.node = node
      connection.given = { node, nodeIncarnation: incarnation, entry: carrier.entry }
    }
    const has = offered(carrier.route.route)
    const wantsSums = (has | challenge.features) & features.wantsCheckSums ? features.checkSums : 0
    const wanted = has & challenge.features & (features.deflate | wantsSums)
    carrier.route.send(greetingFrame('hello', carrier, { major, lanes, token, features: wanted }, member))
  }

  /** Takes the answer of a node that this node has dialled, and has greeted. */
  function welcomed(carrier: Carrier, { lanes, connection }: Dialled, frame: Frame): void {
    const { node, incarnation, nonce, epoch, rest, features: agreed } = decodeGreeting(frame.body)
    const { claimed, entry, rights = noRights } = carrier
    const isAnswer = isSameNonce(nonce, carrier.nonce) && epoch === carrier.epoch
    if (!isAnswer || node !== claimed?.node || incarnation !== claimed.incarnation)
      throw handshakeError(nameOf(carrier), 'its welcome answers another greeting')
    const identity = rights.identity ?? rights.node ?? node
    const known = members.living({ node, incarnation, identity }, routes.replace)
    if (known && lanesOf[lanes].some((lane) => known.session.epochs[lane] >= epoch)) return routes.lost(carrier)
    if (!known && lanes === 'bulk') throw handshakeError(node, 'there is no session for its bulk lane')
    const newcomer = { node, incarnation, identity, rights, given: entryIn(rest), entry, isDialled: true }
    const member = known ?? members.begin(newcomer, now())
    member.connection = connection
    agree(carrier, agreed)
    routes.attach(carrier, member, lanes, frame)
    if (!known) settings.onPeer?.(member.peer)
    if (lanes !== 'bulk') connection?.change('open')
  }

  /** Whether a name is kept out. Its node is told so; only the first refusal is reported. */
  function isQuarantined(carrier: Carrier, name: string): boolean {
    const { forMs, isTold } = carrier.from === '' ? { forMs: 0 } : quarantine.leftMs(name, now())
    if (forMs === 0) return false
    refuse(carrier, linkError('LINK_QUARANTINE', { node: nameOf(carrier), forMs: Math.ceil(forMs) }), isTold)
    return true
  }

  function refuse(carrier: Carrier, cause: LinkError, isTold = false): void {
    const { from, claimed, state } = carrier
    if (state === 'closed') return
    carrier.route.send(routes.frameOf('close', closeBody(cause)))
    routes.shut(carrier)
    if (from !== '' && counts.includes(cause.code)) quarantine.fault(addressName(from), now())
    if (!isTold) settings.onRefused?.({ from, cause, ...(claimed && { node: claimed.node }) })
  }

  function greetingFrame(
    kind: 'hello' | 'welcome',
    { epoch, nonce, entry }: Carrier,
    said: Pick<Greeting, 'major' | 'lanes' | 'token' | 'features'>,
    member: Member | undefined,
  ): Uint8Array<ArrayBuffer> {
    const { node, nodeIncarnation: incarnation } = own
    const peerIncarnation = member?.peer.nodeIncarnation ?? 0
    const rest = packRest(entryName(entry))
    const { minor } = version
    const body = encodeGreeting({ ...said, minor, epoch, nonce, node, incarnation, peerIncarnation, rest })
    return routes.frameOf(kind, body, member?.session.expected)
  }

  /** Counts a fault of a node that was let in by its token. */
  function blame({ identity }: Member): void {
    quarantine.fault(identityName(identity), now())
  }
}

function addressName(from: string): string {
  return `address ${from}`
}

function identityName(identity: string): string {
  return `identity ${identity}`
}
