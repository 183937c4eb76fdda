import type { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type { BrokerGuestsOptions } from './broker-claim.ts'
import type { Client } from './bundled-aedes.ts'
import { type BrokerRights, mayRead, mayWrite } from './topics.ts'

/** A client with a user, and the rights that it has proven. */
interface Guest {
  readonly username: string
  readonly rights: BrokerRights
  subscriptions: number
}

interface Message {
  readonly topic: string
  readonly payload: string | Buffer
  readonly qos: number
  readonly retain: boolean
}

const mostTopicCharacters = 1200
/** A route needs two. */
const mostSubscriptions = 8
/** A device that reads too slowly loses what comes on top of this. The session sends it again. */
const mostWaitingBytes = 2 * 1024 * 1024
/** Codes of a refusal in MQTT 3.1.1. */
export const wrongPassword = 4
export const notAuthorized = 5

/** The clients of a broker: who they are, and what each may do. */
export class BrokerGuests {
  readonly #options: BrokerGuestsOptions
  /** A client's will is looked at after the client's end. */
  readonly #guests = new WeakMap<Client, Guest>()
  /** The present client of each identifier. */
  readonly #present = new Map<string, Client>()
  readonly #connections = new Map<string, number>()

  constructor(options: BrokerGuestsOptions) {
    this.#options = options
  }

  /** Lets a client in, or answers with the code of the refusal. */
  async admit(client: Client, username: string, password: string): Promise<number | undefined> {
    const { authenticate, mostConnectionsOfUser = 1000, refuseAfterMs = 1000 } = this.#options
    let rights: BrokerRights | undefined
    let found = 'user or password are wrong'
    try {
      rights = await authenticate({ username, password, from: addressOf(client.conn) })
    } catch (cause) {
      found = cause instanceof Error ? cause.message : String(cause)
    }
    if (!rights) {
      this.refused(client, found, username)
      await setTimeout(refuseAfterMs)
      return wrongPassword
    }
    // The end of this client ends the other one's connection, if both have the same identifier.
    const namesake = this.#present.get(client.id)
    const connections = this.#connections.get(username) ?? 0
    if (namesake && this.#guests.get(namesake)?.username !== username)
      return this.#notAuthorized(client, username, 'another user has this identifier')
    if (connections >= mostConnectionsOfUser)
      return this.#notAuthorized(client, username, 'the user has too many connections')
    if (client.conn.destroyed) return notAuthorized
    this.#guests.set(client, { username, rights, subscriptions: 0 })
    this.#present.set(client.id, client)
    this.#connections.set(username, connections + 1)
    client.conn.once('close', () => this.#leave(client, username))
    if (rights.serves === undefined) deliverWithoutWaiting(client)
    return undefined
  }

  mayPublish(client: Client, { topic, qos, retain }: Message): boolean {
    const guest = this.#guests.get(client)
    const isAllowed =
      guest !== undefined &&
      qos === 0 &&
      !retain &&
      topic.length <= mostTopicCharacters &&
      mayWrite(guest.username, guest.rights, topic)
    if (!isAllowed) this.refused(client, `a message to ${shortened(topic)}`)
    return isAllowed
  }

  maySubscribe(client: Client, { topic, qos }: { readonly topic: string; readonly qos: number }): boolean {
    const guest = this.#guests.get(client)
    const isAllowed =
      guest !== undefined &&
      qos === 0 &&
      topic.length <= mostTopicCharacters &&
      guest.subscriptions < mostSubscriptions &&
      mayRead(guest.username, guest.rights, topic)
    if (isAllowed) guest.subscriptions += 1
    else this.refused(client, `a subscription to ${shortened(topic)}`)
    return isAllowed
  }

  /** Whether a client reads fast enough for a further message. */
  mayReceive(client: Client): boolean {
    const isDevice = this.#guests.get(client)?.rights.serves === undefined
    return !isDevice || client.conn.writableLength < mostWaitingBytes
  }

  refused(client: Client, found: string, username = this.#guests.get(client)?.username ?? ''): void {
    this.turnedAway(client.conn, found, username)
  }

  /** Reports the refusal of a connection. */
  turnedAway(connection: Duplex, found: string, username = ''): void {
    this.#options.onRefused?.({ from: addressOf(connection), username: shortened(username), found })
  }

  #notAuthorized(client: Client, username: string, found: string): number {
    this.refused(client, found, username)
    return notAuthorized
  }

  #leave(client: Client, username: string): void {
    const left = (this.#connections.get(username) ?? 1) - 1
    if (left > 0) this.#connections.set(username, left)
    else this.#connections.delete(username)
    if (this.#present.get(client.id) === client) this.#present.delete(client.id)
  }
}

/**
 * Aedes reads no further from a client while another hasn't received the client's messages. Then one device that reads
 * slowly would hold up the messages of the accepting node to all devices.
 */
function deliverWithoutWaiting(client: Client): void {
  const waitForDrain = (done: (error: null, client: Client) => void) => setImmediate(done, null, client)
  Object.assign(client, { waitForDrain })
}

function addressOf(connection: Duplex): string {
  const address = 'remoteAddress' in connection ? connection.remoteAddress : undefined
  return typeof address === 'string' ? address.replace(/^::ffff:/, '') : ''
}

function shortened(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`
}
