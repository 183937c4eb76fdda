import {
  type ActorContext,
  type ActorRef,
  type Behavior,
  CodedError,
  fieldsOf,
  isActorRef,
  isCount,
  isMissingOr,
  isNumber,
  isNumbers,
  isRecordOf,
  isString,
  isStrings,
  listOf,
} from '../../runtime/index.ts'
import {
  type Arithmetic,
  areCounted,
  isLineageValue,
  type LineageValue,
  type ModelRegistry,
  type ModelToCommit,
} from '../registry/registry.ts'
import { isNotCounted } from '../role/not-counted.ts'
import { type Layout, type TensorSpec, weightsHash } from '../weights/layout.ts'
import { siteError } from './errors.ts'
import type { BaseWeights, HostedTasks } from './hosted-tasks.ts'
import type { RoundSummary } from './round-publisher.ts'

/** Messages to the actor that publishes the models of a run, wherever the tasks run that make the models. */
export type ModelsMessage =
  /** Makes a round's model durable. Answered when it is. */
  | {
      readonly type: 'publish'
      readonly model: Omit<ModelToCommit, 'job'>
      readonly replyTo: ActorRef<ModelsReply>
    }
  /** Tells a committed round to the job's followers. Answered when they know. */
  | { readonly type: 'announce'; readonly round: RoundSummary; readonly replyTo: ActorRef<ModelsReply> }
  /** Asks for the weights with which the job begins, in this layout. */
  | { readonly type: 'read-base'; readonly layout: Layout; readonly replyTo: ActorRef<ModelsReply> }
  /** A task has completed. Calls back once the job's followers know of all rounds. Sent on this node alone. */
  | { readonly type: 'completed'; readonly told: () => void }

export type ModelsReply =
  | { readonly type: 'done' }
  | { readonly type: 'base'; readonly weights: Float32Array }
  | { readonly type: 'failed'; readonly cause: unknown }

/** Longest time for publishing or telling a round, through a link that may be interrupted for long. */
const mostWaitMs = 24 * 60 * 60 * 1000

export interface JobModelsParts extends Pick<HostedTasks, 'registry' | 'onRound'> {
  /** Gives the weights with which the job begins. Absent: it begins with those of its learner. */
  readonly baseWeights?: BaseWeights | undefined
}

/**
 * The actor that publishes the models of one run, and gives the model with which the run begins. It checks that weights
 * have arrived whole, by their hash. A process that ends between the commit of a round and its announcement announces
 * nothing: the actor does so before the next round's model, or when the task has completed.
 */
export function jobModels(run: string, { registry, onRound, baseWeights }: JobModelsParts): Behavior<ModelsMessage> {
  /** By part: the last published round, until it is announced. */
  const unannounced = new Map<string | undefined, RoundSummary>()

  return (context) => (message) => {
    if (message.type === 'completed')
      return void context
        .track(Promise.all([...unannounced.values()].map(announce)))
        .then(message.told, (cause: unknown) => context.fail(cause))
    // Models of several parts don't wait for each other.
    void context.track(answer(message, context)).then(
      (reply) => message.replyTo.tell(reply),
      (cause: unknown) => message.replyTo.tell({ type: 'failed', cause }),
    )
  }

  async function answer(
    message: Exclude<ModelsMessage, { type: 'completed' }>,
    context: ActorContext<ModelsMessage>,
  ): Promise<ModelsReply> {
    if (message.type === 'read-base') return { type: 'base', weights: await context.outside(base(message.layout)) }
    await (message.type === 'announce' ? announce(message.round) : published(message.model, context))
    return { type: 'done' }
  }

  async function base(layout: Layout): Promise<Float32Array> {
    if (baseWeights) return baseWeights(layout)
    throw siteError('SITE_BASE_NONE', { run })
  }

  async function announce(summary: RoundSummary): Promise<void> {
    const { round, part } = summary
    if (unannounced.get(part)?.round === round) unannounced.delete(part)
    await onRound(summary)
  }

  async function published(model: Omit<ModelToCommit, 'job'>, context: ActorContext<ModelsMessage>): Promise<void> {
    const { round, part, weights, layout, hash, metrics, members } = model
    const earlier = unannounced.get(part)
    // A round is published after the commit of the round before.
    if (earlier && earlier.round < round) await announce(earlier)
    if (weights.length !== layout.size)
      throw siteError('SITE_MODEL_DAMAGED', { round, found: `${weights.length} weights`, expected: layout.size })
    const found = await context.outside(weightsHash(weights))
    if (found !== hash) throw siteError('SITE_MODEL_DAMAGED', { round, found: `the hash ${found}`, expected: hash })
    await registry.commit({ ...model, job: run })
    unannounced.set(part, { round, ...(part !== undefined && { part }), metrics, hash, members, seconds: 0 })
  }
}

/**
 * The last round of each model of a run, to be told again when the run is deployed anew: a process that ends between
 * the commit of a round and its event tells the round to nobody.
 */
export async function lastRounds(
  registry: Pick<ModelRegistry, 'latest' | 'parts'>,
  run: string,
): Promise<readonly RoundSummary[]> {
  const parts = await registry.parts(run)
  const models = await Promise.all((parts.length === 0 ? [undefined] : parts).map((part) => registry.latest(run, part)))
  return models.flatMap((model) => {
    if (!model) return []
    const { round, part, metrics, hash, members } = model
    return [{ round, ...(part !== undefined && { part }), metrics, hash, members, seconds: 0 }]
  })
}

/**
 * Publishes rounds through the actor of `jobModels`, which may be on another node. When that actor has stopped, calls
 * wait until the asking actor ends: the tasks will be hosted again with another ref.
 */
export function modelsAt(
  models: ActorRef<ModelsMessage>,
  context: Pick<ActorContext<never>, 'ask' | 'signal'>,
): JobModelsParts & { readonly baseWeights: BaseWeights } {
  const registry: Pick<ModelRegistry, 'commit'> = {
    commit: ({ job: _job, ...model }) => done((replyTo) => ({ type: 'publish', model, replyTo })),
  }
  return {
    registry,
    async baseWeights(layout) {
      const reply = await asked((replyTo) => ({ type: 'read-base', layout, replyTo }))
      if (reply.type === 'base') return reply.weights
      throw siteError('SITE_BASE_NONE', { run: 'the job' })
    },
    async onRound(round) {
      await done((replyTo) => ({ type: 'announce', round, replyTo })).catch((cause: unknown) => {
        if (!context.signal.aborted) throw cause
      })
    },
  }

  async function done(message: (replyTo: ActorRef<ModelsReply>) => ModelsMessage): Promise<void> {
    await asked(message)
  }

  async function asked(message: (replyTo: ActorRef<ModelsReply>) => ModelsMessage): Promise<ModelsReply> {
    const reply = await context
      .ask<ModelsReply, ModelsMessage>(models, message, { timeoutMs: mostWaitMs, decode: decodeModelsReply })
      .catch((cause: unknown) => {
        if (cause instanceof CodedError && cause.code === 'KERNEL_STOPPED') return ended(context.signal)
        throw cause
      })
    if (reply.type === 'failed') throw reply.cause
    return reply
  }
}

function ended(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Decodes a message of another node. */
export function decodeModelsMessage(value: unknown): ModelsMessage | undefined {
  const { type, replyTo, ...fields } = fieldsOf(value)
  if (!isActorRef<ModelsReply>(replyTo)) return undefined
  switch (type) {
    case 'publish': {
      const model = decodeModel(fields.model)
      return model && { type, model, replyTo }
    }
    case 'announce': {
      const round = decodeRound(fields.round)
      return round && { type, round, replyTo }
    }
    case 'read-base': {
      const layout = decodeLayout(fields.layout)
      return layout && { type, layout, replyTo }
    }
    default:
      return undefined
  }
}

export function decodeModelsReply(value: unknown): ModelsReply | undefined {
  const { type, cause, weights } = fieldsOf(value)
  if (type === 'done') return { type }
  if (type === 'base') return weights instanceof Float32Array ? { type, weights } : undefined
  return type === 'failed' ? { type, cause } : undefined
}

function decodeModel(value: unknown): Omit<ModelToCommit, 'job'> | undefined {
  const { round, part, workload, seed, weights, metrics, members, hash, modelTopology, ...fields } = fieldsOf(value)
  const layout = decodeLayout(fields.layout)
  const { arrivals } = fields
  if (!isCount(round) || !isString(workload) || !isCount(seed) || !layout) return undefined
  if (!isMissingOr(arrivals, areCounted)) return undefined
  if (!(weights instanceof Float32Array) || !isNumbers(metrics) || !isStrings(members) || !isString(hash))
    return undefined
  if (part !== undefined && !isString(part)) return undefined
  return {
    round,
    workload,
    seed,
    weights,
    layout,
    metrics,
    members,
    hash,
    ...(part !== undefined && { part }),
    ...(arrivals && { arrivals }),
    ...(modelTopology !== undefined && { modelTopology }),
    ...originOf(fields),
  }
}

/** The fields of a lineage that a model may lack. Values of another shape are left out: no round fails by them. */
function originOf({ algorithm, arithmetic, privacy, digests }: Readonly<Record<string, unknown>>) {
  const { name, settings } = fieldsOf(algorithm)
  const plain = Object.entries(fieldsOf(settings)).filter((entry): entry is [string, LineageValue] =>
    isLineageValue(entry[1]),
  )
  const { quantumBits, engine, products } = fieldsOf(arithmetic)
  const summed: Pick<Arithmetic, 'products'> = products === 'plain' || products === 'fused' ? { products } : {}
  const { epsilon, delta } = fieldsOf(privacy)
  return {
    ...(isString(name) && { algorithm: { name, settings: Object.fromEntries(plain) } }),
    ...(isNumbers(quantumBits) && { arithmetic: { quantumBits, ...(isString(engine) && { engine }), ...summed } }),
    ...(isNumber(epsilon) && isNumber(delta) && { privacy: { epsilon, delta } }),
    ...(digests !== undefined && isRecordOf(digests, isString) && { digests }),
  }
}

function decodeLayout(value: unknown): Layout | undefined {
  const { tensors, size } = fieldsOf(value)
  const decoded = listOf(tensors, decodeTensor)
  return decoded && isCount(size) ? { tensors: decoded, size } : undefined
}

function decodeTensor(value: unknown): TensorSpec | undefined {
  const { name, shape } = fieldsOf(value)
  return isString(name) && Array.isArray(shape) && shape.every(isCount) ? { name, shape } : undefined
}

function decodeRound(value: unknown): RoundSummary | undefined {
  const { round, part, metrics, hash, members, notCounted, anew, seconds } = fieldsOf(value)
  if (!isCount(round) || !isNumbers(metrics) || !isString(hash) || !isStrings(members)) return undefined
  if (typeof seconds !== 'number' || !(part === undefined || isString(part))) return undefined
  if (notCounted !== undefined && !isNotCounted(notCounted)) return undefined
  if (!isMissingOr(anew, isStrings)) return undefined
  const named = { round, ...(part !== undefined && { part }) }
  return { ...named, metrics, hash, members, ...(notCounted && { notCounted }), ...(anew && { anew }), seconds }
}
