import { type EmbeddedBroker, embeddedBroker } from '../../runtime/link/mqtt/index.ts'
import { mosquitto } from './mosquitto.ts'

/** A broker with the user `server`, which serves the node `server`, and the devices `ada` and `ben`. */
export interface TestBroker extends AsyncDisposable {
  readonly url: string
  /** Ends the broker: Mosquitto by SIGKILL. */
  kill(): Promise<void>
  /** Starts the broker again, at the same address. */
  start(): Promise<void>
}

export const passwords = { server: 'of-the-server', ada: 'of-ada', ben: 'of-ben' } as const
export type TestUser = keyof typeof passwords
export const brokerKinds = ['embedded', 'mosquitto'] as const
export type BrokerKind = (typeof brokerKinds)[number]

export async function testBroker(kind: BrokerKind): Promise<TestBroker> {
  if (kind === 'mosquitto') return mosquitto({ users: passwords })
  let broker: EmbeddedBroker = await embedded(0)
  const { url, port } = broker
  return {
    url,
    kill: () => broker.close(),
    async start() {
      broker = await embedded(port)
    },
    [Symbol.asyncDispose]: () => broker.close(),
  }
}

/** Credentials of a user at such a broker. */
export function accessOf(user: TestUser) {
  return { username: user, password: passwords[user] }
}

function embedded(port: number): Promise<EmbeddedBroker> {
  const known = new Map<string, string>(Object.entries(passwords))
  return embeddedBroker({
    port,
    refuseAfterMs: 50,
    authenticate: async ({ username, password }) => {
      if (known.get(username) !== password) return undefined
      return username === 'server' ? { serves: 'server' } : {}
    },
  })
}
