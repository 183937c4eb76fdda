import { nodeSend } from './http/node-send.ts'
import { type MlflowAddress, mlflowAddress } from './mlflow/mlflow-address.ts'
import type { ModelRegistry } from './registry.ts'
import { awsCredentials, awsRegion, type Environment } from './s3/node-aws-credentials.ts'
import { type S3Address, s3Address } from './s3/s3-address.ts'
import type { S3ClientSettings } from './s3/s3-client.ts'
import { s3Registry } from './s3/s3-registry.ts'

/**
 * The registry of an address `mlflow:http://…` or `s3://…`. Credentials come from the environment: for MLflow
 * MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; for S3 also from the files that the
 * environment names.
 *
 * @throws REGISTRY_ADDRESS
 */
export async function remoteRegistry(address: string, environment: Environment): Promise<ModelRegistry> {
  if (address.startsWith('mlflow:')) {
    const { mlflowRegistry } = await import('./mlflow/mlflow-registry.ts')
    return mlflowRegistry(mlflowServer(address, environment), mlflowSettings)
  }
  return s3Registry(await s3Place(address, environment), s3Settings(environment))
}

/** The MLflow server of an address, with the user of the environment. @throws REGISTRY_ADDRESS */
export function mlflowServer(address: string, environment: Environment): MlflowAddress {
  const { MLFLOW_TRACKING_USERNAME: name, MLFLOW_TRACKING_PASSWORD: password } = environment
  return mlflowAddress(address, { name, password, token: environment.MLFLOW_TRACKING_TOKEN })
}

/** The place of an address in the region of the environment. @throws REGISTRY_ADDRESS */
export async function s3Place(address: string, environment: Environment): Promise<S3Address> {
  return s3Address(address, await awsRegion(environment))
}

export function s3Settings(environment: Environment): S3ClientSettings {
  return { credentials: () => awsCredentials(environment), send: nodeSend }
}

export const mlflowSettings = { send: nodeSend }
