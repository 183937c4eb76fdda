import { mlflowAddress } from './mlflow/mlflow-address.ts'
import { mlflowRegistry } from './mlflow/mlflow-registry.ts'
import type { ModelRegistry } from './registry.ts'
import { awsCredentials, awsRegion, type Environment } from './s3/node-aws-credentials.ts'
import { s3Address } from './s3/s3-address.ts'
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
    const { MLFLOW_TRACKING_USERNAME: name, MLFLOW_TRACKING_PASSWORD: password } = environment
    return mlflowRegistry(mlflowAddress(address, { name, password, token: environment.MLFLOW_TRACKING_TOKEN }))
  }
  const place = s3Address(address, await awsRegion(environment))
  return s3Registry(place, { credentials: () => awsCredentials(environment) })
}
