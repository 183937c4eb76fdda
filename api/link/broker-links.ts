import { randomBytes, timingSafeEqual } from 'node:crypto'
import { CodedError } from '../../runtime/index.ts'
import { acceptMqtt, embeddedBroker } from '../../runtime/link/mqtt/index.ts'
import type { ServerTls } from '../../runtime/node/index.ts'
import type { LocalAccounts } from '../auth/local-accounts.ts'
import type { Log } from '../log.ts'
import type { AuditTrail } from '../observe/audit-trail.ts'
import type { LinkServer } from './link-server.ts'

/** The MQTT broker by which flamelets join: one in this process, or another. */
export type BrokerSetting =
  | { readonly type: 'embedded'; readonly port: number }
  | {
      readonly type: 'external'
      /** mqtt://host:port or mqtts://host:port */
      readonly url: string
      readonly username?: string
      readonly password?: string
      /** Certificates of the authorities that the broker's may come from, PEM. */
      readonly ca?: string
    }

export interface BrokerLinksOptions {
  readonly setting: BrokerSetting
  readonly host: string
  readonly links: LinkServer
  readonly accounts: LocalAccounts | undefined
  readonly tls: ServerTls | undefined
  readonly trail: AuditTrail
  readonly log: Log
}

/** Flamelets' way to the server over a broker. */
export interface BrokerLinks {
  /** Address of the broker. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Takes routes over a broker. At the embedded broker each flamelet is a user of its own name, whose password is the
 * flamelet's token, so that no flamelet reaches the topics of another. An external broker has users and access lists of
 * its own. @throws LINK_ADDRESS, LINK_UNREACHABLE, LINK_CERTIFICATE, LINK_BROKER
 */
export async function brokerLinks(options: BrokerLinksOptions): Promise<BrokerLinks> {
  const { setting, host, links, accounts, tls, trail, log } = options
  const { node } = links
  const accept = {
    node,
    onRoute: (route: Parameters<LinkServer['accept']>[0], user: string) =>
      links.accept(route, { from: `mqtt:${user}` }),
    onBroker: (lane: string, lost: Error | undefined) =>
      lost ? log.warn({ lane, err: lost }, 'the broker is lost') : log.warn({ lane }, 'the broker is there again'),
  }
  if (setting.type === 'external') {
    const { type: _, url, ...access } = setting
    const accepted = await acceptMqtt(url, { ...accept, ...access })
    return { url, close: async () => accepted.close() }
  }
  /** Clients whose refusal is counted already, with its reason. */
  const counted = new Set<string>()
  const password = randomBytes(24).toString('hex')
  const broker = await embeddedBroker({
    port: setting.port,
    host,
    ...(tls ? { tls } : {}),
    ...(accounts ? { admits: (socket) => accounts.admit(socket) } : {}),
    async authenticate(claim) {
      if (claim.username === node) return areSame(claim.password, password) ? { serves: node } : undefined
      const { username, from } = claim
      await links.authenticate({ node: username, token: claim.password, from }).catch((cause: unknown) => {
        const code = cause instanceof CodedError ? cause.code : 'LINK_BROKER'
        trail.refusedLink({ node: username, address: from, code })
        counted.add(`${from} ${username}`)
        throw cause
      })
      return {}
    },
    onRefused({ from, username, found }) {
      if (!counted.delete(`${from} ${username}`))
        trail.refusedLink({ node: username, address: from, code: 'LINK_BROKER' })
      log.info({ from, username, found }, 'the broker has refused a client')
    },
  })
  try {
    const accepted = await acceptMqtt(broker.url, {
      ...accept,
      username: node,
      password,
      connect: () => broker.connect(),
    })
    return {
      url: broker.url,
      async close() {
        accepted.close()
        await broker.close()
      },
    }
  } catch (cause) {
    await broker.close()
    throw cause
  }
}

function areSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}
