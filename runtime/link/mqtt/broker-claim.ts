import type { BrokerRights } from './topics.ts'

/** The facts that a client tells of itself when it connects. */
export interface BrokerClaim {
  readonly username: string
  readonly password: string
  /** Address of the client's machine. */
  readonly from: string
}

export interface BrokerRefusal extends Pick<BrokerClaim, 'username' | 'from'> {
  readonly found: string
}

export interface BrokerGuestsOptions {
  /** Decides who may connect, and as what. Undefined, or a rejection, refuses the client. */
  readonly authenticate: (claim: BrokerClaim) => Promise<BrokerRights | undefined>
  /** Told of each refusal: of a connection, a message or a subscription. */
  readonly onRefused?: (refusal: BrokerRefusal) => void
  /** Most connections of one user. Default: 1,000. */
  readonly mostConnectionsOfUser?: number
  /** Time after which a client with a wrong password hears of it. Default: 1,000. */
  readonly refuseAfterMs?: number
}
