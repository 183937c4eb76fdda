import { z } from 'zod'
import { registryError } from '../errors.ts'
import type { MlflowClient } from './mlflow-client.ts'
import { escaped } from './mlflow-versions.ts'

/** Files of a model among the artifacts of an MLflow server. */
export interface MlflowModel {
  /** Place of the artifacts. */
  readonly source: string
  /** For people. */
  readonly location: string
}

const versionSchema = z.object({ version: z.coerce.string(), source: z.string().default('') })
/** Versions that a message lists. */
const mostListed = 10

/**
 * Finds a version of a registered model, by its number, by an alias, or the latest.
 *
 * @throws REGISTRY_NO_MODEL with the versions that are there.
 */
export async function mlflowModel(
  client: MlflowClient,
  name: string,
  version: string,
): Promise<MlflowModel & { readonly version: string }> {
  const { location } = client.address
  const missing = async () => {
    const listed = (await lastVersions(client, name, mostListed)).map((one) => one.version)
    const known =
      listed.length > 0 ? `its last versions: ${listed.join(', ')}` : 'none: no model of this name has versions'
    return registryError('REGISTRY_NO_MODEL', { location, what: `version ${version} of the model ${name}`, known })
  }
  const found = await versionOf(client, name, version)
  if (!found) throw await missing()
  return { ...found, location: `${location} model ${name} version ${found.version}` }
}

async function versionOf(client: MlflowClient, name: string, version: string) {
  // MLflow keeps this alias to itself, and not every server knows it.
  if (version === 'latest') return (await lastVersions(client, name, 1))[0]
  const isNumber = /^\d+$/.test(version)
  const { answer } = await client.attempt({
    method: 'GET',
    path: isNumber ? 'model-versions/get' : 'registered-models/alias',
    fields: isNumber ? { name, version } : { name, alias: version },
    answer: z.object({ model_version: versionSchema }),
  })
  return answer?.model_version
}

async function lastVersions(client: MlflowClient, name: string, most: number) {
  // A name with a quote would end the text of the filter.
  if (name.includes("'")) return []
  const { model_versions } = await client.call({
    method: 'GET',
    path: 'model-versions/search',
    fields: { filter: `name = '${name}'`, max_results: most, order_by: 'version_number DESC' },
    answer: z.object({ model_versions: z.array(versionSchema).default([]) }),
  })
  return model_versions
}

/** Finds a round among the artifacts of a run. Whether the round is there shows when it's read. @throws REGISTRY_NO_MODEL */
export async function mlflowRunRound(
  client: MlflowClient,
  run: string,
  round: number,
  part?: string,
): Promise<MlflowModel> {
  const { location } = client.address
  const { answer } = await client.attempt({
    method: 'GET',
    path: 'runs/get',
    fields: { run_id: run },
    answer: z.object({ run: z.object({ info: z.object({ artifact_uri: z.string() }) }) }),
  })
  if (!answer)
    throw registryError('REGISTRY_NO_MODEL', { location, what: `run ${run}`, known: 'the runs that MLflow lists' })
  const path = roundPath(round, part)
  return { source: `${answer.run.info.artifact_uri}/${path}`, location: `${location} run ${run} ${path}` }
}

/** Place of a round among the artifacts of its job's run. */
export function roundPath(round: number, part?: string): string {
  const name = `round-${String(round).padStart(6, '0')}`
  return part === undefined ? name : `part-${escaped(part)}/${name}`
}
