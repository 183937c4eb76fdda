import type { Store } from '../../runtime/index.ts'
import { addressOf, addressWith, type Layout, type ModelRegistry } from '../../sdk/index.ts'
import { baseModelWeights, findBaseModel, fittingWeights } from '../../sdk/node/index.ts'
import { catalogueError } from '../model/errors.ts'
import { collectionsOf } from '../records/collections.ts'
import { findJob, presentJob } from '../records/job-records.ts'
import type { BaseModels, RunOfJob } from '../records/parts.ts'
import type { BaseModelRecord } from '../records/record-models.ts'
import { jobIdOf, jobNeeding } from './run-models.ts'

export interface BaseModelsParts {
  readonly store: Store
  /** The registry with the models of a job. */
  readonly registryOf: (job: RunOfJob) => Promise<ModelRegistry>
  /** Gives credentials of registries. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Jobs may name models of their user's jobs alone, since this process's rights would read others. */
  readonly isFixed: boolean
}

const isAddress = /^(files|s3|mlflow):/

/**
 * The models with which jobs begin. A job's `baseModel` has a name and a version. The name is an address, as
 * `modelPlace` reads it, which the version completes; or the name is the id of a job of the same user, with a part after
 * a slash, and the version is the round. In a job with a registry of MLflow the name is a registered model there.
 */
export function baseModels({ store, registryOf, environment, isFixed }: BaseModelsParts): BaseModels {
  const collections = collectionsOf(store)
  return {
    async find(user, { modelSpec, registry }) {
      const { name = '', version: given = 0 } = modelSpec?.baseModel ?? {}
      // Jobs of the original name no model by an empty name, and the latest version by 0.
      if (name === '') return undefined
      const version = given === 0 ? undefined : given
      const server = registry && addressOf({ sort: registry.sort, uri: registry.uri ?? '' })
      if (isAddress.test(name)) return elsewhere(name, completed(name, version))
      if (!isFixed && server?.startsWith('mlflow:'))
        return elsewhere(name, addressWith(server, { model: name, version }))
      return ofJob(user, name, version)
    },
    async weights({ address, run, round, part, hash }, layout) {
      if (address !== undefined) return baseModelWeights({ address, hash }, layout, environment)
      if (run === undefined || round === undefined) throw new TypeError('a base model has neither address nor round')
      return roundWeights({ run, round, part, hash }, layout)
    },
    isNeeded: isModelNeeded(store),
  }

  async function elsewhere(name: string, given: string): Promise<BaseModelRecord> {
    if (isFixed)
      throw catalogueError('BASE_MODEL_PLACE', {
        name: shown(name),
        found: 'the server uses its own rights for models of its jobs alone',
        advice: 'name a job of yours, and its round as the version',
      })
    const { address, hash, of } = await findBaseModel(given, environment)
    return {
      address,
      hash,
      ...(of && { run: of.job, round: of.round, ...(of.part !== undefined && { part: of.part }) }),
    }
  }

  async function ofJob(user: string, name: string, version: number | undefined): Promise<BaseModelRecord> {
    const [id = '', ...rest] = name.split('/')
    const part = rest.length === 0 ? undefined : rest.join('/')
    const { value } = await findJob(collections, user, id)
    const { run = id, spec } = value
    const registry = await registryOf({ run, spec })
    const rounds = await registry.list(run, part)
    const round = version ?? rounds.at(-1)
    if (round === undefined || !rounds.includes(round)) {
      const known = rounds.length === 0 ? 'none' : rounds.slice(-10).join(', ')
      const of = part === undefined ? '' : ` of part ${part}`
      throw catalogueError('ROUND_UNKNOWN', { job: id, part: of, round: version ?? 'latest', known })
    }
    const { hash } = await registry.describe(run, round, part)
    return { run, round, ...(part !== undefined && { part }), hash }
  }

  async function roundWeights(
    { run, round, part, hash: expected }: { run: string; round: number; part: string | undefined; hash: string },
    layout: Layout,
  ): Promise<Float32Array> {
    const origin = await presentJob(collections, jobIdOf(run))
    const registry = await registryOf({ run, spec: origin?.value.spec ?? {} })
    return fittingWeights(await registry.load(run, round, part), layout, expected)
  }
}

/** Says whether a job that hasn't ended begins with a round of a run. */
export function isModelNeeded(store: Store): BaseModels['isNeeded'] {
  const collections = collectionsOf(store)
  return async (model) => (await jobNeeding(collections, model.job, [model])) !== undefined
}

/** A version beside an address completes one of MLflow that names neither a version nor an alias. */
function completed(address: string, version: number | undefined): string {
  if (version === undefined) return address
  const parameters = new URLSearchParams(address.slice(address.indexOf('?')))
  if (
    address.startsWith('mlflow:') &&
    parameters.has('model') &&
    !parameters.has('version') &&
    !parameters.has('alias')
  )
    return addressWith(address, { version })
  throw catalogueError('BASE_MODEL_PLACE', {
    name: shown(address),
    found: `the version ${version} has no meaning beside it`,
    advice: 'leave the version out: an address says which model it means',
  })
}

/** An address may have credentials, where none belong. */
function shown(name: string): string {
  return name.replace(/\/\/[^/@]*@/, '//…@').slice(0, 200)
}
