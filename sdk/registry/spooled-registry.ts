import { type Clock, CodedError } from '../../runtime/index.ts'
import { weightsHash } from '../weights/layout.ts'
import { boundedSpool } from './bounded-spool.ts'
import { registryError } from './errors.ts'
import type { LoadedModel, ModelRegistry, ModelToCommit, Spool } from './registry.ts'
import { turns } from './turns.ts'

/** How far the remote registry is behind the committed rounds of a job. */
export interface Behind {
  /** Number of models that the remote registry doesn't have yet. */
  readonly rounds: number
  /** Why the last upload has failed. Absent where none has, or where a later one has succeeded. */
  readonly error?: { readonly code: string; readonly message: string } | undefined
}

export interface SpoolParts {
  /** Keeps each model until the remote registry has it. Another process may commit to it, too. */
  readonly spool: Spool
  /** The registry where a job's models belong. Asked again after each failure. */
  readonly remoteOf: (job: string) => Promise<ModelRegistry>
  readonly clock: Clock
  /** A number from 0 to below 1, which spreads the tries of several jobs and servers. */
  readonly random: () => number
  /** Default: 500 ms to 60 s. */
  readonly delays?: { readonly firstMs: number; readonly mostMs: number }
  /**
   * Most models of a job, or of one part of it, in the spool, 2 or more: at the bound a commit waits for an upload. Default:
   * any number.
   */
  readonly mostModels?: number | undefined
  /** Hears that a job waits at the bound since uploads fail, once until there is room again. */
  readonly onFull?: (job: string, cause: Error) => void
  /** Hears of the first failure in a row. */
  readonly onTrouble?: (job: string, cause: unknown) => void
  /** Hears that an upload has succeeded after failures. */
  readonly onCaughtUp?: (job: string) => void
}

export interface SpooledRegistry extends ModelRegistry {
  /** Says that another process may have committed models of a job. */
  wake(job: string): void
  behind(job: string): Promise<Behind>
  /** Number of models of all jobs that the remote registry doesn't have yet. */
  behindInAll(): Promise<number>
  /**
   * The last models of jobs that aren't settled, without the remote registry. Knows nothing of settled jobs: a job that
   * goes on needs no model that was told of before.
   */
  readonly here: Pick<ModelRegistry, 'latest' | 'parts'>
  /**
   * Resolves when the remote registry has all models of a job, of which the spool then keeps none; or with what is
   * missing, when the signal is aborted.
   */
  settled(job: string, signal: AbortSignal): Promise<Behind>
  /** Begins no more uploads. The spool keeps what the remote registry doesn't have. */
  close(): void
}

/** Names a model among those of its job. */
interface Place {
  readonly round: number
  readonly part: string | undefined
}

/** A model of the spool. */
interface Spooled extends Place {
  /** The hash of a model that this process has committed. Undefined: the spool has to be asked. */
  readonly hash?: string
}

/** The models of one job in the spool, by place. */
type SpooledModels = Map<string, Spooled>

/** The uploads of one job. */
interface Upload {
  readonly job: string
  /** As the spool was at the last look, with the changes of this process since. Undefined: a look is due. */
  models: SpooledModels | undefined
  /** Number of reasons for a look, and of changes by this process: a look that meets one of them is repeated. */
  changes: number
  /** By place: the hashes of models of the spool that the remote registry has. */
  readonly there: Map<string, string>
  /** The model that was committed last by this process, which need not be read from the spool. */
  recent: ModelToCommit | undefined
  /** Damaged models of the spool, which no upload can help. */
  readonly lost: Set<string>
  /** There may be models to upload. */
  isWanted: boolean
  /** The bound was told of, and there was no room since. */
  isFull: boolean
  /** Resolves when nothing is left to upload, or the registry is closed. */
  running: Promise<void> | undefined
  failures: number
  error: Behind['error']
  /** Ends the pause between two tries. */
  hurry: () => void
}

/** Most uploads at once, of all jobs. */
const mostUploads = 4

/**
 * A registry that writes to a durable spool, from where models move to a remote registry in their order. A remote
 * registry that is away delays nothing but the upload, which is tried again with growing pauses.
 *
 * The spool keeps the last model of each part until `settled`, so that a job can go on without the remote registry.
 */
export function spooledRegistry(parts: SpoolParts): SpooledRegistry {
  const { remoteOf, clock, random, mostModels, onTrouble = () => {}, onCaughtUp = () => {}, onFull = () => {} } = parts
  const { firstMs, mostMs } = parts.delays ?? { firstMs: 500, mostMs: 60_000 }
  const uploads = new Map<string, Upload>()
  const inSlot = slotsFor(mostUploads)
  /** Uploads and removals of a job take turns. */
  const inTurn = turns()
  let isClosed = false
  const spool =
    mostModels === undefined ? parts.spool : boundedSpool(parts.spool, { mostModels, clock, isClosed: () => isClosed })
  void spool.jobs().then(
    (jobs) => {
      for (const job of jobs) kick(job)
    },
    (cause: unknown) => onTrouble('of the spool', cause),
  )

  return {
    async commit(model) {
      const { job, round, part, hash } = model
      const upload = uploadOf(job)
      const name = nameOf({ round, part })
      // Uploads that make room may not have begun yet.
      kick(job)
      const models = await modelsOf(upload)
      const isNew = !models.has(name)
      // Until the commit is over, the spool may have the one hash or the other.
      if (!isNew) models.set(name, { round, part })
      try {
        await spool.commit(model)
      } catch (cause) {
        forget(upload)
        throw cause
      }
      upload.changes += 1
      upload.models?.set(name, { round, part, hash })
      if (isNew) upload.recent = model
      kick(job)
    },
    async latest(job, part) {
      return (await spool.latest(job, part)) ?? (await remoteOf(job)).latest(job, part)
    },
    async list(job, part) {
      const remote = await (await remoteOf(job)).list(job, part)
      return [...new Set([...(await spool.list(job, part)), ...remote])].toSorted((a, b) => a - b)
    },
    async parts(job) {
      // The spool has a model of each part of a job that isn't settled.
      const here = await spool.parts(job)
      if (here.length > 0 || (await spool.list(job)).length > 0) return here
      return (await remoteOf(job)).parts(job)
    },
    load: (job, round, part) => orRemote(job, (registry) => registry.load(job, round, part)),
    open: (job, round, part) => orRemote(job, (registry) => registry.open(job, round, part)),
    describe: (job, round, part) => orRemote(job, (registry) => registry.describe(job, round, part)),
    remove: (job, round, part) =>
      inTurn(job, async () => {
        forget(uploadOf(job))
        await spool.remove(job, round, part)
        forget(uploadOf(job))
        await (await remoteOf(job)).remove(job, round, part)
      }),
    wake(job) {
      forget(uploadOf(job))
      kick(job)
    },
    behind: (job) => behind(uploadOf(job)),
    async behindInAll() {
      let rounds = 0
      for (const job of await spool.jobs()) rounds += (await behind(uploadOf(job))).rounds
      return rounds
    },
    here: spool,
    async settled(job, signal) {
      const upload = uploadOf(job)
      forget(upload)
      kick(job)
      upload.hurry()
      await Promise.race([upload.running, aborted(signal)])
      const left = await behind(upload)
      if (left.rounds > 0) return left
      await inTurn(job, async () => {
        const models = await look(job)
        for (const part of new Set([...models.values()].map((model) => model.part)))
          await clear(upload, models, part, 0)
      })
      return left
    },
    close() {
      isClosed = true
      for (const { hurry } of uploads.values()) hurry()
    },
  }

  async function behind(upload: Upload): Promise<Behind> {
    const { length } = await pendingOf(upload, await look(upload.job), { withLost: true })
    return length > 0 && upload.error ? { rounds: length, error: upload.error } : { rounds: length }
  }

  async function orRemote<Found>(job: string, ask: (registry: ModelRegistry) => Promise<Found>): Promise<Found> {
    try {
      return await ask(spool)
    } catch (cause) {
      if (codeOf(cause) !== 'REGISTRY_UNKNOWN') throw cause
      return ask(await remoteOf(job))
    }
  }

  async function partsOf(job: string): Promise<readonly (string | undefined)[]> {
    return [undefined, ...(await spool.parts(job))]
  }

  function uploadOf(job: string): Upload {
    const known = uploads.get(job)
    if (known) return known
    const upload: Upload = {
      job,
      models: undefined,
      changes: 0,
      there: new Map(),
      recent: undefined,
      lost: new Set(),
      isWanted: false,
      isFull: false,
      running: undefined,
      failures: 0,
      error: undefined,
      hurry() {},
    }
    uploads.set(job, upload)
    return upload
  }

  /** Uploads a job's models, unless that is under way. */
  function kick(job: string): void {
    const upload = uploadOf(job)
    upload.isWanted = true
    upload.running ??= drain(upload)
  }

  function isDue({ isWanted }: Upload): boolean {
    return isWanted && !isClosed
  }

  /** Uploads one model after the other until the remote registry has all. */
  async function drain(upload: Upload): Promise<void> {
    while (isDue(upload)) {
      upload.isWanted = false
      try {
        const [next] = await pendingOf(upload, await modelsOf(upload))
        await tellIfFull(upload, next !== undefined)
        if (!next) continue
        upload.isWanted = true
        await inSlot(() => inTurn(upload.job, () => move(next, upload)))
        if (upload.failures > 0) onCaughtUp(upload.job)
        upload.failures = 0
        upload.error = undefined
      } catch (cause) {
        upload.isWanted = true
        if (upload.failures === 0) onTrouble(upload.job, cause)
        upload.failures += 1
        const message = cause instanceof Error ? cause.message : String(cause)
        upload.error = { code: codeOf(cause) ?? 'REGISTRY_LOST', message }
        await pause(upload)
      }
    }
    upload.running = undefined
  }

  async function tellIfFull(upload: Upload, isBehind: boolean): Promise<void> {
    const { job, failures } = upload
    const wasFull = upload.isFull
    upload.isFull = false
    if (mostModels === undefined || !isBehind || failures === 0) return
    for (const part of await partsOf(job)) upload.isFull ||= (await spool.list(job, part)).length >= mostModels
    if (upload.isFull && !wasFull) onFull(job, registryError('REGISTRY_WAITS', { job, most: mostModels }))
  }

  /** Says that another look at a job's models in the spool is due. */
  function forget(upload: Upload): void {
    upload.changes += 1
    upload.models = undefined
  }

  /** The models of a job in the spool, as far as this process knows. */
  async function modelsOf(upload: Upload): Promise<SpooledModels> {
    while (!upload.models) {
      const { changes } = upload
      const found = await look(upload.job)
      if (changes === upload.changes) upload.models ??= found
    }
    return upload.models
  }

  async function look(job: string): Promise<SpooledModels> {
    const found: SpooledModels = new Map()
    for (const part of await partsOf(job))
      for (const round of await spool.list(job, part)) found.set(nameOf({ round, part }), { round, part })
    return found
  }

  /** The models that the remote registry doesn't have, in the order of upload. */
  async function pendingOf(
    { job, there, lost }: Upload,
    models: SpooledModels,
    { withLost = false } = {},
  ): Promise<readonly Spooled[]> {
    const found: Spooled[] = []
    for (const [name, model] of models) {
      const isThere = there.has(name) && there.get(name) === (await hashOf(job, model))
      if (!isThere && (withLost || !lost.has(name))) found.push(model)
    }
    return found.toSorted((a, b) => a.round - b.round)
  }

  async function hashOf(job: string, { round, part, hash }: Spooled): Promise<string | undefined> {
    return hash ?? (await spool.describe(job, round, part).catch(ifUnknown))?.hash
  }

  async function move(next: Spooled, upload: Upload): Promise<void> {
    const { job, there, lost } = upload
    const { round, part } = next
    const name = nameOf(next)
    const place = (await modelsOf(upload)).get(name)
    // The model was removed before its turn came.
    if (!place) return
    const model =
      (await recentOf(upload, place)) ??
      (await spool.load(job, round, part).then(withoutLocation, (cause: unknown) => {
        if (codeOf(cause) === 'REGISTRY_DAMAGED') lost.add(name)
        return ifUnknown(cause)
      }))
    // Another process has removed the model.
    if (!model) return forget(upload)
    await (await remoteOf(job)).commit(model)
    if (upload.recent?.hash === model.hash) upload.recent = undefined
    there.set(name, model.hash)
    await clear(upload, await modelsOf(upload), part, 1)
  }

  /** The model of a place that this process has committed last, unless somebody has changed its weights since. */
  async function recentOf({ job, recent }: Upload, place: Spooled): Promise<ModelToCommit | undefined> {
    if (recent?.round !== place.round || recent.part !== place.part) return undefined
    const [inSpool, found] = await Promise.all([hashOf(job, place), weightsHash(recent.weights)])
    return found === recent.hash && inSpool === recent.hash ? recent : undefined
  }

  /** Removes models of a part from the spool that the remote registry has, but for the last ones. */
  async function clear(upload: Upload, models: SpooledModels, part: string | undefined, last: number): Promise<void> {
    const { job, there } = upload
    const ofPart = [...models.values()].filter((model) => model.part === part).toSorted((a, b) => a.round - b.round)
    for (const model of last > 0 ? ofPart.slice(0, -last) : ofPart) {
      const name = nameOf(model)
      if (!there.has(name) || there.get(name) !== (await hashOf(job, model))) continue
      await spool.remove(job, model.round, part)
      upload.changes += 1
      upload.models?.delete(name)
      there.delete(name)
    }
  }

  function pause(upload: Upload): Promise<void> {
    const delayMs = Math.min(mostMs, firstMs * 2 ** (upload.failures - 1)) * (0.5 + random() / 2)
    return new Promise((resolve) => {
      if (isClosed) return resolve()
      const cancel = clock.schedule(delayMs, resolve)
      upload.hurry = () => {
        cancel()
        resolve()
      }
    })
  }
}

/** Runs at most a number of works at once. */
function slotsFor(most: number): <Value>(work: () => Promise<Value>) => Promise<Value> {
  const waiting: (() => void)[] = []
  let free = most
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free -= 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}

function nameOf({ round, part }: Place): string {
  return JSON.stringify([part, round])
}

function withoutLocation(loaded: LoadedModel): ModelToCommit {
  const { location: _, ...model } = loaded
  return model
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof CodedError ? cause.code : undefined
}

/** A model may be removed while somebody looks at the spool. */
function ifUnknown(cause: unknown): undefined {
  if (codeOf(cause) !== 'REGISTRY_UNKNOWN') throw cause
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
