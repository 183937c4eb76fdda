import type { LaneName, Route } from '../../runtime/index.ts'
import { acceptMqtt, dialMqtt } from '../../runtime/link/mqtt/index.ts'
import type { OpenTransport } from '../../runtime/link/route.contract.ts'
import { type Faults, faultProxy } from '../../runtime/node/faults/index.ts'
import { accessOf, type BrokerKind, testBroker } from './brokers.ts'

/** Routes of the device `ada` to a node, over a broker. Faults are those of the network between device and broker. */
export function openBroker(kind: BrokerKind, faults?: Faults): OpenTransport {
  return async (onRoute) => {
    const broker = await testBroker(kind)
    const accepted = await acceptMqtt(broker.url, { node: 'server', ...accessOf('server'), onRoute })
    const proxy = faults && (await faultProxy({ target: { port: Number(new URL(broker.url).port) }, faults }))
    const url = proxy ? `mqtt://127.0.0.1:${proxy.port}` : broker.url
    return {
      dial: dialMqtt(url, { node: 'device', to: 'server', ...accessOf('ada') }),
      async [Symbol.asyncDispose]() {
        accepted.close()
        await proxy?.close()
        await broker[Symbol.asyncDispose]()
      },
    }
  }
}

/** Routes over a broker, one after another. */
export interface BrokerRoutes extends AsyncDisposable {
  /** The dialled end and the accepted end of a further route. */
  pair(lane: LaneName): Promise<readonly [Route, Route]>
}

/** `embedded`: over Aedes in this process. `mosquitto`: over Mosquitto. */
export async function brokerRoutes(kind: BrokerKind): Promise<BrokerRoutes> {
  let take = (_route: Route) => {}
  const opened = await openBroker(kind)((route) => take(route))
  return {
    async pair(lane) {
      const answering = new Promise<Route>((resolve) => (take = resolve))
      return Promise.all([opened.dial(lane, new AbortController().signal), answering])
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}
