export { type AcceptedMqtt, acceptMqtt, type MqttAcceptOptions } from './accept-mqtt.ts'
export type { BrokerClaim, BrokerRefusal } from './broker-claim.ts'
export type { BrokerAccess } from './broker-client.ts'
export { dialMqtt, type MqttDialOptions } from './dial-mqtt.ts'
export {
  type EmbeddedBroker,
  type EmbeddedBrokerOptions,
  embeddedBroker,
} from './embedded-broker.ts'
export type { BrokerRights } from './topics.ts'
