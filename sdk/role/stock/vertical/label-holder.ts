import { isNumbers, isObject } from '../../../../runtime/index.ts'
import { learnError } from '../../../learn/errors.ts'
import { partAfterParties, partOfParty } from '../../../learn/learner.ts'
import type { Steps } from '../../../learn/steps.ts'
import { learnerError } from '../../../strategy/learner-needs.ts'
import { role } from '../../role.ts'
import { type Attempt, attemptNumber } from '../attempt.ts'
import { type Attendance, attendance, HolderRestarted } from './label-attempt.ts'
import { type Alignment, type LabelHolderContext, matchEntities } from './match-entities.ts'
import { partyError } from './party-errors.ts'
import { isTrainedPart, partyModel, type TrainedPart, verticalSettings } from './party-model.ts'
import { type PlannedBatch, roundPlan } from './round-plan.ts'
import { valuesJoiner } from './values-joiner.ts'
import { holdersBelow } from './vertical-protocol.ts'

interface LabelHolderState {
  /** Number of committed rounds. */
  readonly round: number
  readonly rounds: number
  /** Its own part, and the part after the parties. */
  readonly part: TrainedPart
  /** By feature holder: the last round that counted it. */
  readonly counted: Readonly<Record<string, number>>
  /** Absent until the common entities are found. */
  readonly alignment?: Alignment
  /** With `absent: last`, by feature holder: the last values of each common entity. */
  readonly last?: Readonly<Record<string, Float32Array>>
}

/**
 * Holds the labels of a vertical topology, and the part of the joint model after the parties. Finds the common entities
 * once; then in each round, for each batch, joins the values of all parties, steps by the loss, and sends each feature
 * holder the gradient of its values. A feature holder that restarts makes all run the round again, from the parts of the
 * last committed round.
 */
export const labelHolder = role({
  name: 'label-holder',
  open: (channel) => ({ holders: channel(holdersBelow) }),
  async init({ end, learner, settings }): Promise<LabelHolderState> {
    return { round: 0, rounds: settings.rounds, part: await partyModel(end, learner, 0).begin(), counted: {} }
  },
  isState: (value): value is LabelHolderState =>
    isObject(value) && 'part' in value && isTrainedPart(value.part) && 'counted' in value && isNumbers(value.counted),
  resume: (state, { settings }) => ({ ...state, rounds: settings.rounds }),
  done: ({ round, rounds }) => round >= rounds,

  async round(state, context) {
    const { end, channels, learner } = context
    const { holders } = channels
    await holders.awaitJoin()
    const { alignment } = state
    if (!alignment) {
      const parties = 1 + holders.expected.length
      if (learner.sections?.length !== parties)
        throw partyError('ROLE_PARTIES', { end, party: parties - 1, parties: learner.sections?.length ?? 0 })
      return { ...state, alignment: await matchEntities(context) }
    }
    const round = state.round + 1
    const attending = attendance(alignment, verticalSettings(context.strategy), context)
    const life = await context.life()
    for (let count = 0; ; count++) {
      try {
        return await attempted({ round, attempt: attemptNumber(life, count) }, alignment, state, attending, context)
      } catch (error) {
        if (!(error instanceof HolderRestarted)) throw error
      }
    }
  },

  async finish({ counted }, { channels: { holders } }) {
    await holders.awaitJoin()
    for (const end of holders.expected) {
      const last = counted[end]
      holders.send(end, { type: 'end-of-training', ...(last !== undefined && { counted: last }) })
    }
  },
})

/** Runs all batches of the round once. */
async function attempted(
  attempt: Attempt,
  alignment: Alignment,
  state: LabelHolderState,
  attending: Attendance,
  context: LabelHolderContext,
): Promise<LabelHolderState> {
  const { round } = attempt
  const { end: self, learner, channels, strategy } = context
  const { holders } = channels
  const { ownSteps } = learner
  if (!ownSteps) throw learnerError('stepwise')
  const keepsLast = verticalSettings(strategy).absent === 'last'
  const last = keepsLast ? copied(state.last ?? {}) : undefined
  const model = partyModel(self, learner, 0)
  const common = { common: alignment.rows.length, training: alignment.training }
  const plan = roundPlan(common, ownSteps, context.jobRandom(round, 'batches'))
  const joiner = valuesJoiner(holders.expected, model, alignment.rows.length, last)
  const [training, evaluation] = [lossMean(), lossMean()]
  let { part } = state
  await attending.begin(attempt, state.counted)
  for (const [batch, { rows, isTraining }] of plan.entries()) {
    const pass = { round, weights: model.forPass(part), training: isTraining }
    const indices = rows.map((row) => alignment.rows[row] ?? 0)
    const ownPass = { ...pass, part: partOfParty(0), of: { indices }, label: `${batch} own` }
    const own = await learner.forward(ownPass)
    const found = await attending.activations(batch)
    const inputs = joiner.joined(own.values, found, { batch, round, rows })
    const topPass = { ...pass, part: partAfterParties, of: { inputs, examples: rows.length }, label: `${batch} top` }
    const loss = await learner.lossOfPart(topPass, own.labels)
    if (!isTraining) {
      evaluation.add(loss, rows.length)
      continue
    }
    if (!Number.isFinite(loss.loss)) throw diverged(batch, plan, loss.loss, ownSteps)
    training.add(loss, rows.length)
    for (const end of holders.expected) {
      const gradient = found.has(end) ? { gradient: joiner.gradientOf(end, loss.inputs) } : {}
      if (holders.has(end)) holders.send(end, { type: 'gradient', ...attempt, batch, ...gradient }, { keep: false })
    }
    const ownGradient = joiner.gradientOf(self, loss.inputs)
    const back = model.outputs(0) === 0 ? [] : [(await learner.backward(ownPass, ownGradient)).gradient]
    part = model.stepped(part, loss.gradient, ...back)
  }
  const finished = await attending.finished(plan.length)
  const members = [self, ...finished.keys()].toSorted()
  const notCounted = attending.absent(plan.length).toSorted((a, b) => (a.end < b.end ? -1 : 1))
  const anew = [...finished].flatMap(([end, { isAnew }]) => (isAnew ? [end] : []))
  const absentBatches = plan.reduce((sum, _, batch) => sum + attending.absent(batch).length, 0)
  context.publish({
    round,
    section: 0,
    weights: part.weights,
    members,
    ...(notCounted.length > 0 && { notCounted }),
    ...(anew.length > 0 && { anew }),
    metrics: {
      'train-loss': training.metrics().loss ?? 0,
      ...(absentBatches > 0 && { 'absent-batches': absentBatches }),
      ...evaluation.metrics(),
    },
    digests: Object.fromEntries([...finished].map(([end, { digest }]) => [end, digest])),
  })
  const counted = { ...state.counted, ...Object.fromEntries([...finished.keys()].map((end) => [end, round])) }
  return { ...state, round, part, counted, ...(last && { last }) }
}

/** Means over all rows of the batches that were added. */
function lossMean() {
  let [rows, total] = [0, 0]
  let right: number | undefined
  return {
    add({ loss, correct }: { readonly loss: number; readonly correct?: number }, count: number) {
      rows += count
      total += loss * count
      if (correct !== undefined) right = (right ?? 0) + correct
    },
    metrics: (): Readonly<Record<string, number>> =>
      rows === 0 ? {} : { loss: total / rows, ...(right !== undefined && { accuracy: right / rows }) },
  }
}

function diverged(batch: number, plan: readonly PlannedBatch[], loss: number, steps: Steps): Error {
  const batches = plan.filter(({ isTraining }) => isTraining).length / steps.epochs
  const place = { epoch: Math.floor(batch / batches) + 1, batch: (batch % batches) + 1 }
  return learnError('LEARN_DIVERGED', { ...place, loss, learningRate: steps.learningRate })
}

function copied(tables: Readonly<Record<string, Float32Array>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(tables).map(([end, table]) => [end, table.slice()]))
}
