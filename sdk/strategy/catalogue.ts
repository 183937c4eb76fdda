import type { Waiting } from './algorithm.ts'
import { fedAsync, fedBuff } from './algorithms/asynchronous/index.ts'
import { fedDyn, fedNova, fedProx, moon, scaffold } from './algorithms/client/index.ts'
import { agnostic, fedGft, qFedAvg } from './algorithms/fair/index.ts'
import { ditto, fedBn, fedPer, fedRep, pFedMe } from './algorithms/personal/index.ts'
import {
  bulyan,
  centredClipping,
  flTrust,
  geometricMedian,
  krum,
  median,
  multiKrum,
  normClipping,
  signMajority,
  trimmedMean,
} from './algorithms/robust/index.ts'
import { fedAdaGrad, fedAdam, fedAvg, fedAvgM, fedYogi } from './algorithms/server/index.ts'
import { verticalTraining } from './algorithms/vertical/index.ts'
import { attacked } from './attacks/attacked.ts'
import { type AttackDefinition, attackDefinitions } from './attacks/attacks.ts'
import { defineEntry, type KnownAlgorithm, type Named } from './define-algorithm.ts'
import { strategyError } from './errors.ts'
import type { Kind } from './kinds.ts'
import { privateEntries } from './privacy/private-entries.ts'
import { fedBalancer } from './samplers/fed-balancer.ts'
import { allSelector } from './selectors/all-selector.ts'
import { countSelector } from './selectors/random-selector.ts'
import { selectorEntries } from './selectors/selector-entries.ts'
import { type StageDefinition, stageDefinitions } from './stages/stage-definitions.ts'
import { staged } from './stages/staged.ts'
import { writtenStages } from './stages/written-stages.ts'

/** All algorithms. A job's `optimizer` names one. */
export const algorithms: readonly KnownAlgorithm[] = [
  ...[fedAvg, fedAvgM, fedAdaGrad, fedAdam, fedYogi],
  ...[fedProx, fedDyn, scaffold, fedNova, moon],
  ...[qFedAvg, agnostic, fedGft],
  ...[fedPer, fedRep, fedBn, ditto, pFedMe],
  ...[fedBuff, fedAsync],
  ...[krum, multiKrum, bulyan, median, trimmedMean, geometricMedian, centredClipping, normClipping, signMajority],
  flTrust,
  verticalTraining,
]

const selectors: readonly Named[] = [
  {
    name: 'default',
    summary: 'every end takes part in every round',
    settings: {},
    apply: (algorithm) => ({ ...algorithm, select: allSelector() }),
  },
  defineEntry({
    name: 'random',
    summary: 'a uniformly random subset of the ends',
    settings: {
      count: { kind: 'whole', least: 1, kwarg: 'k', help: 'number of ends that are selected for each round' },
    },
    apply: (algorithm, choices) => ({ ...algorithm, select: countSelector(choices) }),
  }),
  defineEntry({
    name: 'fedbuff',
    summary: 'for an asynchronous algorithm: the number of ends that work at a time',
    settings: {
      concurrency: { kind: 'whole', least: 1, kwarg: 'c', help: 'C: number of ends that work at a time' },
    },
    apply({ waiting, ...algorithm }, values) {
      if (waiting.kind === 'buffer') return { ...algorithm, waiting: { ...waiting, ...values } }
      const reason = `the selector fedbuff is for algorithms with a buffer, and ${algorithm.name} has none`
      throw strategyError('STRATEGY_MISFIT', { reason })
    },
  }),
]

const balancer = defineEntry({
  name: 'fedbalancer',
  summary: 'clients train on as many examples as a deadline allows, those with large losses first',
  source: 'Shin, Li, Liu, Lee, MobiSys 2022',
  settings: {
    window: { kind: 'whole', least: 1, default: 20, kwarg: 'w', help: 'w: rounds between changes of the thresholds' },
    lossStep: { kind: 'number', least: 0, most: 1, default: 0.05, kwarg: 'lss', help: 'step of the loss threshold' },
    deadlineStep: { kind: 'number', least: 0, most: 1, default: 0.05, kwarg: 'dss', help: 'step of the deadline' },
    share: {
      kind: 'number',
      least: 0,
      most: 1,
      default: 1,
      kwarg: 'p',
      help: 'p: share of the sampled examples whose loss is over the threshold',
    },
    noiseFactor: {
      kind: 'number',
      least: 0,
      default: 0,
      kwarg: 'noise_factor',
      help: 'standard deviation of the noise on the losses that a client tells',
    },
  },
  apply: fedBalancer,
})

/** A stage as an entry, which comes after the stages that the algorithm has already. */
function stage({ from, ...described }: StageDefinition): Named {
  return { ...described, apply: (algorithm, given) => staged(algorithm, [from(given)]) }
}

/** An attack as an entry: a test bench, in which the aggregator plays the attackers. */
function attackEntry({ from, ...described }: AttackDefinition): Named {
  return { ...described, apply: (algorithm, given) => attacked(algorithm, from(given)) }
}

/** Stages as a job writes them in one text, such as `clip:1,top-k:0.01`. Throws as `writtenStages` does. */
export function stagesEntry(text: string): Named {
  const stages = writtenStages(text)
  return { name: text, summary: text, settings: {}, apply: (algorithm) => staged(algorithm, stages) }
}

const none: Named = { name: 'default', summary: 'none', settings: {}, apply: (algorithm) => algorithm }
const own: Named = { ...none, summary: "the workload's own" }

/** All entries that a job may name. Validation, the command line and the documentation read this catalogue. */
export const catalogue: Readonly<Record<Kind, readonly Named[]>> = {
  optimizer: [own, ...algorithms.map(optimizer)],
  selector: [...selectors, ...selectorEntries],
  datasampler: [none, balancer],
  stages: [own, ...stageDefinitions.map(stage)],
  privacy: [none, ...privateEntries],
  attack: [none, ...attackDefinitions.map(attackEntry)],
}

/**
 * An algorithm as an entry: replaces the workload's, but keeps its selection, waiting, client evaluation and quantum
 * unless the settings set these.
 */
function optimizer({ name, alias, summary, settings, source, from }: KnownAlgorithm): Named {
  return {
    name,
    ...(alias === undefined ? {} : { alias }),
    summary,
    settings,
    ...(source === undefined ? {} : { source }),
    apply({ select, waiting, aggregation, clientEvaluation }, given) {
      const names = Object.keys(given)
      const { quantumBits } = aggregation.vectors.delta
      const made = from({ ...(Object.hasOwn(settings, 'quantumBits') && { quantumBits }), ...given })
      return {
        ...(clientEvaluation === undefined || made.waiting.kind === 'buffer' ? {} : { clientEvaluation }),
        ...made,
        select: names.includes('fraction') ? made.select : select,
        waiting: kept(waiting, made.waiting, names),
      }
    },
  }
}

/** The workload's waiting, changed by the given settings. If one of both algorithms is asynchronous, the made one's. */
function kept(own: Waiting, made: Waiting, given: readonly string[]): Waiting {
  if (own.kind === 'buffer' || made.kind === 'buffer') return made
  const minimumUpdates = Math.max(own.minimumUpdates, made.minimumUpdates)
  const madeOf = Object.entries(made).filter(([name]) => given.includes(name))
  return { ...own, minimumUpdates, ...Object.fromEntries(madeOf) }
}
