import type { LaneName, Route } from '../../runtime/index.ts'
import { acceptMqtt, dialMqtt } from '../../runtime/link/mqtt/index.ts'
import { accessOf, type BrokerKind, testBroker } from './brokers.ts'

/** Makes routes from the device `ada` to the node `server`, over a broker of their own. */
export interface BrokerRoutes extends AsyncDisposable {
  /** The dialled end and the accepted end of a further route. */
  pair(lane: LaneName): Promise<readonly [Route, Route]>
}

/** `embedded`: over Aedes in this process. `mosquitto`: over Mosquitto. */
export async function brokerRoutes(kind: BrokerKind): Promise<BrokerRoutes> {
  const broker = await testBroker(kind)
  let take = (_route: Route) => {}
  const accepted = await acceptMqtt(broker.url, {
    node: 'server',
    ...accessOf('server'),
    onRoute: (route) => take(route),
  })
  const dial = dialMqtt(broker.url, { node: 'device', to: 'server', ...accessOf('ada') })
  return {
    async pair(lane) {
      const answering = new Promise<Route>((resolve) => (take = resolve))
      return Promise.all([dial(lane, new AbortController().signal), answering])
    },
    async [Symbol.asyncDispose]() {
      accepted.close()
      await broker[Symbol.asyncDispose]()
    },
  }
}
