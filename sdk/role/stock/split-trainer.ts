import { CodedError } from '../../../runtime/index.ts'
import { learnError } from '../../learn/errors.ts'
import { gradientSteps } from '../../learn/gradient-steps.ts'
import { batchesOf } from '../../learn/local-training.ts'
import { gathered, overlaid } from '../../strategy/shared-part.ts'
import type { Channel } from '../channel/channel.ts'
import { type RoleContext, role } from '../role.ts'
import { isOf } from './attempt.ts'
import { splitError } from './split-errors.ts'
import { type SplitPlan, splitPlan } from './split-plan.ts'
import {
  type BottomAnswer,
  type BottomAssignment,
  bottomsAbove,
  type SplitReply,
  type SplitRequest,
  splitAbove,
} from './split-protocol.ts'
import { newestOf, untilEnd } from './trainer.ts'

type ClientContext = RoleContext<{
  readonly aggregator: Channel<BottomAnswer, BottomAssignment>
  readonly server: Channel<SplitRequest, SplitReply>
}>
type Train = Extract<BottomAssignment, { type: 'train' }>
type Trained = Pick<Extract<BottomAnswer, { type: 'contribution' }>, 'delta' | 'samples' | 'metrics'>

/**
 * Holds the lower part of a split model, and with labels that stay here the last part, and trains them with a server,
 * batch by batch. A newer assignment ends the training for an earlier one.
 */
export const splitTrainer = role({
  name: 'split-trainer',
  open: (channel) => ({ aggregator: channel(bottomsAbove), server: channel(splitAbove) }),
  ...untilEnd,

  async round(state, context) {
    const { aggregator, server } = context.channels
    const { end, message } = await newestOf(aggregator)
    if (message.type === 'end-of-training') return { ended: true }
    const { round, attempt } = message
    await server.awaitJoin()
    try {
      const trained = await train(message, context)
      if (trained) aggregator.send(end, { type: 'contribution', round, attempt, ...trained }, { keep: false })
    } catch (error) {
      // A task that is being stopped has not failed: it trains again where it is hosted next.
      if (context.signal.aborted || !(error instanceof CodedError)) throw error
      const { code, message: reason, hint } = error
      server.send(server.expected[0] ?? '', { type: 'withdrawn', round, attempt }, { keep: false })
      aggregator.send(end, { type: 'failed', round, attempt, code, reason, hint }, { keep: false })
    }
    return state
  },
})

/** Trains through all batches, which are those of a training of the whole model. Undefined if it was interrupted. */
async function train({ round, attempt, weights: start }: Train, context: ClientContext): Promise<Trained | undefined> {
  const { learner, settings, random } = context
  const plan = splitPlan(settings, learner)
  const size = plan.clientSize
  if (start.length !== size)
    throw learnError('LEARN_WEIGHTS', { what: "the clients' part", expected: size, came: start.length })
  const samples = await learner.samples()
  if (samples < 1) throw learnError('LEARN_EMPTY', { purpose: 'train' })
  const optimizer = gradientSteps(plan.steps)
  const { batch: most, epochs } = plan.steps
  const count = epochs * Math.ceil(samples / most)
  let [weights, state] = [start, optimizer.begin(size)]
  let [batch, total] = [0, 0]
  for (const { indices } of batchesOf({ examples: samples, batch: most, epochs }, random(round, 'train'))) {
    const named = { round, attempt, batch, isLast: batch + 1 === count }
    const found = await gradientOf({ weights, indices: indices.slice() }, named, plan, context)
    if (!found) return undefined
    const moved = optimizer.step(weights, gathered(found.gradient, plan.ofClients), state)
    ;[weights, state] = [moved.weights, moved.state]
    total += found.loss * indices.length
    batch += 1
  }
  const delta = weights.map((value, index) => value - (start[index] ?? 0))
  return { delta, samples, metrics: { loss: total / (epochs * samples) } }
}

interface NamedBatch {
  readonly round: number
  readonly attempt: number
  readonly batch: number
  readonly isLast: boolean
}

/** The gradient of a batch's loss with respect to the client's parts, of the whole layout. */
async function gradientOf(
  { weights, indices }: { readonly weights: Float32Array; readonly indices: Uint32Array },
  { round, attempt, batch, isLast }: NamedBatch,
  { bottom, head, ofClients, steps }: SplitPlan,
  context: ClientContext,
): Promise<{ readonly gradient: Float32Array; readonly loss: number } | undefined> {
  const { learner } = context
  const named = { round, attempt, batch }
  const examples = indices.length
  const whole = overlaid(new Float32Array(learner.layout.size), weights, ofClients)
  const lower = { part: bottom, weights: whole, round, of: { indices }, label: batch }
  const { values, labels = new Float32Array() } = await learner.forward(lower)
  const own = head ? {} : { labels }
  const request = { type: 'values', ...named, values, examples, isLast, ...own } as const
  if (!head) {
    const reply = await asked(request, 'gradient', context)
    if (!reply) return undefined
    const { gradient } = await learner.backward(lower, reply.gradient)
    return { gradient, loss: reply.loss ?? Number.NaN }
  }
  const outputs = await asked(request, 'outputs', context)
  if (!outputs) return undefined
  const last = { part: head, weights: whole, round, of: { inputs: outputs.values, examples }, label: `head ${batch}` }
  const { gradient: upper, inputs, loss } = await learner.lossOfPart(last, labels)
  if (!Number.isFinite(loss)) {
    const { learningRate } = steps
    throw splitError('ROLE_SPLIT_DIVERGED', { end: context.end, batch, what: 'the loss', learningRate })
  }
  const reply = await asked({ type: 'gradient', ...named, gradient: inputs }, 'gradient', context)
  if (!reply) return undefined
  const { gradient } = await learner.backward(lower, reply.gradient)
  return { gradient: gradient.map((value, index) => value + (upper[index] ?? 0)), loss }
}

/**
 * Asks the server, and waits for its reply of this type. Undefined where a newer assignment comes first. A server that
 * restarts has forgotten the request; the aggregator then assigns the round again. Replies to what this end asked before
 * a restart are dropped.
 *
 * @throws ROLE_SPLIT_SERVER_LEFT, and the error with which the server answers.
 */
async function asked<Type extends 'outputs' | 'gradient'>(
  request: Exclude<SplitRequest, { type: 'withdrawn' }>,
  type: Type,
  { end, channels: { server, aggregator } }: ClientContext,
): Promise<Extract<SplitReply, { type: Type }> | undefined> {
  const isReply = (reply: SplitReply): reply is Extract<SplitReply, { type: Type }> => reply.type === type
  const { round, batch } = request
  const [above = ''] = server.expected
  server.send(above, request, { keep: false })
  for (;;) {
    const reply = server.take(() => true)?.message
    if (reply && isOf(request, reply) && reply.batch === batch) {
      if (isReply(reply)) return reply
      if (reply.type === 'failed') {
        const { code, reason, hint } = reply
        throw new CodedError(code, { message: '{reason}', hint: '{hint}' }, { reason, hint })
      }
    }
    if (reply) continue
    if (aggregator.find(() => true)) return undefined
    if (!server.has(above)) throw splitError('ROLE_SPLIT_SERVER_LEFT', { end, round, server: above })
    await Promise.race([server.changed(), aggregator.changed()])
  }
}
