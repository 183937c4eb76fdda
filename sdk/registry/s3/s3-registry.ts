import { CodedError } from '../../../runtime/index.ts'
import { jobOrPart, listedRounds, registryError } from '../errors.ts'
import {
  committedModel,
  type ModelFile,
  modelFileNames,
  modelFiles,
  openedModel,
  settledModel,
} from '../model-files.ts'
import type { CommittedModel, LoadedModel, ModelRegistry, ModelToCommit, OpenedModel } from '../registry.ts'
import { turns } from '../turns.ts'
import type { S3Address } from './s3-address.ts'
import { type S3ClientSettings, s3Client } from './s3-client.ts'
import { getObject, keysWith, putObject, removeObject } from './s3-objects.ts'

/** Digits of a round in keys: keys then stand in the order of rounds. */
const digits = 6

/**
 * A registry in object storage: `PREFIX/<job>/round-000012/` has the files of a round, and
 * `PREFIX/<job>/part-<name>/round-000012/` where a round has several models. `round.json` is written last and removed
 * first: a round without `round.json` is none.
 */
export function s3Registry(address: S3Address, settings: S3ClientSettings): ModelRegistry {
  const client = s3Client(address, settings)
  const partPrefix = (job: string) => `${address.prefix}${job}/part-`
  const place = (job: string, part?: string) => `${address.prefix}${job}/${partFolder(part)}`
  const roundPlace = (job: string, round: number, part?: string) => `${place(job, part)}${roundFolder(round)}/`
  const locationOf = (key: string) => address.location.replace(/(?= at |$)/, `/${key.slice(address.prefix.length, -1)}`)

  async function rounds(job: string, part?: string): Promise<number[]> {
    const prefix = `${place(job, part)}round-`
    const found = (await keysWith(client, prefix)).flatMap((key) => {
      const [, round] = /^(\d+)\/round\.json$/.exec(key.slice(prefix.length)) ?? []
      return round === undefined ? [] : [Number(round)]
    })
    return found.toSorted((a, b) => a - b)
  }

  async function lineage(job: string, round: number, part?: string): Promise<CommittedModel | undefined> {
    const folder = roundPlace(job, round, part)
    const location = locationOf(folder)
    const bytes = await getObject(client, folder + modelFileNames.round)
    return bytes && committedModel(bytes, location)
  }

  async function describe(job: string, round: number, part?: string): Promise<CommittedModel> {
    const found = await lineage(job, round, part)
    if (found) return found
    const known = listedRounds(await rounds(job, part))
    const location = locationOf(place(job, part))
    throw registryError('REGISTRY_UNKNOWN', { job, round, of: jobOrPart(job, part), location, known })
  }

  function load(job: string, round: number, part?: string): Promise<LoadedModel> {
    const folder = roundPlace(job, round, part)
    const read = async () => {
      const [committed, weights, model] = await Promise.all([
        describe(job, round, part),
        client.send({ method: 'GET', key: folder + modelFileNames.weights, isHashed: true }),
        getObject(client, folder + modelFileNames.model),
      ])
      return { committed, files: { weights: weights?.bytes, sha256: weights?.sha256, model } }
    }
    return settledModel(read, () => describe(job, round, part))
  }

  async function open(job: string, round: number, part?: string): Promise<OpenedModel> {
    const folder = roundPlace(job, round, part)
    const [committed, model] = await Promise.all([
      describe(job, round, part),
      getObject(client, folder + modelFileNames.model),
    ])
    return openedModel(committed, model, () => client.stream(folder + modelFileNames.weights))
  }

  async function commit(model: ModelToCommit): Promise<void> {
    const { job, round, part, hash } = model
    const folder = roundPlace(job, round, part)
    const present = await lineage(job, round, part).catch(ifDamaged)
    if (present === 'damaged') await removeObject(client, folder + modelFileNames.round)
    else if (present) {
      if (present.hash === hash && (await load(job, round, part).catch(ifDamaged)) !== 'damaged') return
      await removeObject(client, folder + modelFileNames.round)
    }
    const put = ({ name, bytes }: ModelFile) =>
      putObject(client, {
        key: folder + name,
        bytes,
        type: name.endsWith('.json') ? 'application/json' : 'application/octet-stream',
        ...(name === modelFileNames.weights && { sha256: hash }),
      })
    const files = modelFiles(model)
    const ended = await Promise.allSettled(files.filter(({ name }) => name !== modelFileNames.round).map(put))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
    for (const file of files) if (file.name === modelFileNames.round) await put(file)
  }

  async function remove(job: string, round: number, part?: string): Promise<void> {
    const folder = roundPlace(job, round, part)
    const lineageKey = folder + modelFileNames.round
    const keys = await keysWith(client, folder)
    if (keys.includes(lineageKey)) await removeObject(client, lineageKey)
    await Promise.all(keys.filter((key) => key !== lineageKey).map((key) => removeObject(client, key)))
  }

  const inTurn = turns()
  return {
    commit: (model) => inTurn(roundPlace(model.job, model.round, model.part), () => commit(model)),
    async latest(job, part) {
      const last = (await rounds(job, part)).at(-1)
      return last === undefined ? undefined : describe(job, last, part)
    },
    list: rounds,
    async parts(job) {
      const prefix = partPrefix(job)
      const names = (await keysWith(client, prefix)).flatMap((key) => {
        const [, part] = /^([^/]+)\/round-\d+\/round\.json$/.exec(key.slice(prefix.length)) ?? []
        return part === undefined ? [] : [decodeURIComponent(part)]
      })
      return [...new Set(names)].toSorted()
    },
    load,
    open,
    describe,
    remove: (job, round, part) => inTurn(roundPlace(job, round, part), () => remove(job, round, part)),
  }
}

/** The folder of a part below its job's: '', or text that ends with '/'. */
export function partFolder(part: string | undefined): string {
  return part === undefined ? '' : `part-${encodeURIComponent(part)}/`
}

export function roundFolder(round: number): string {
  return `round-${String(round).padStart(digits, '0')}`
}

function ifDamaged(error: unknown): 'damaged' {
  if (error instanceof CodedError && error.code === 'REGISTRY_DAMAGED') return 'damaged'
  throw error
}
