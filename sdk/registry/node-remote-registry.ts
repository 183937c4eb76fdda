import type { ModelRegistry } from './registry.ts'
import { awsCredentials, awsRegion, type Environment } from './s3/node-aws-credentials.ts'
import { s3Address } from './s3/s3-address.ts'
import { s3Registry } from './s3/s3-registry.ts'

/**
 * The registry of an address `s3://…`. Credentials come from the environment, or from the files that it names.
 *
 * @throws REGISTRY_ADDRESS
 */
export async function remoteRegistry(address: string, environment: Environment): Promise<ModelRegistry> {
  const place = s3Address(address, await awsRegion(environment))
  return s3Registry(place, { credentials: () => awsCredentials(environment) })
}
