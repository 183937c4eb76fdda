/**
 * The part of MQTT.js that routes need. The build replaces this module by a bundle with that part in it
 * (scripts/bundles.js), so that users don't install the package. Its entry would load WebSockets and proxies, too.
 */
import client from 'mqtt/lib/client'

export type MqttClient = InstanceType<typeof client.default>
export const MqttClient: typeof client.default = client.default
