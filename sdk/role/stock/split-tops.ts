import { CodedError } from '../../../runtime/index.ts'
import { gradientSteps, type OptimizerState } from '../../learn/gradient-steps.ts'
import type { RolePass } from '../../learn/role-learner.ts'
import { gathered, overlaid } from '../../strategy/shared-part.ts'
import type { RoleContext } from '../role.ts'
import type { Refusal } from './round-protocol.ts'
import { splitError } from './split-errors.ts'
import type { SplitPlan } from './split-plan.ts'
import type { SplitReply, SplitRequest, TopAnswer, TopRequest } from './split-protocol.ts'

/** The training of the server's part with one client. */
interface Training {
  weights: Float32Array
  optimizer: OptimizerState
  /** Number of the batch that is due. */
  batch: number
  /** The pass whose outputs the client has, and whose gradient is due. */
  pass?: RolePass
  isLast: boolean
}

/** The server's parts in one attempt. */
export interface SplitTops {
  /** Whether a client's next message has its turn. */
  isDue(end: string): boolean
  /** Where clients train in turns: ends the turn of a client that has left. */
  passOver(isGone: (end: string) => boolean): void
  /**
   * Does what a client's message asks for. `again`: a client whose turn is over trains anew, so that the attempt is void.
   *
   * @throws errors of the learner, and ROLE_SPLIT_MESSAGE. The client then has no part in this attempt, see `drop`.
   */
  receive(end: string, request: SplitRequest): Promise<SplitReply | 'again' | undefined>
  /** Forgets a client's training, and ends its turn. */
  drop(end: string): void
  /** The part as the counted clients have trained it. */
  close(members: Readonly<Record<string, number>>): Promise<TopAnswer>
}

/**
 * Trains the server's part of a model with the clients of one attempt. Each client trains a copy of its own (version 1),
 * and the mean movement of the counted clients' copies is an exact sum, rounded once. Or the clients train one part in
 * turns; when a client leaves in its turn, the part is again as before the turn. The optimizer starts anew for each client.
 *
 * @see Thapa et al., SplitFed: when federated learning meets split learning, AAAI 2022, algorithms 1 and 3.
 */
export function splitTops(
  { round, attempt, order, weights: start }: Extract<TopRequest, { type: 'begin' }>,
  { isInTurns, steps, top, head, ofServer }: SplitPlan,
  { learner, settings, roundSum }: RoleContext,
): SplitTops {
  const { layout } = learner
  const optimizer = gradientSteps(steps)
  const trainings = new Map<string, Training>()
  /** By client that has trained all its batches: its copy; in turns the part after its turn. */
  const finished = new Map<string, Float32Array>()
  /** In turns: index of the client whose turn it is, and the part before its turn. */
  let turn = 0
  let before = start
  const zeros = new Float32Array(layout.size)
  const whole = (part: Float32Array) => overlaid(zeros, part, ofServer)
  const again = (refusals: readonly Refusal[] = []): TopAnswer => ({ type: 'again', round, attempt, refusals })
  const isOver = (end: string) => isInTurns && order.indexOf(end) < turn

  function finish(end: string, weights: Float32Array, batch: number): void {
    if (!weights.every(Number.isFinite))
      throw splitError('ROLE_SPLIT_DIVERGED', { end, batch, what: 'a weight', learningRate: steps.learningRate })
    trainings.delete(end)
    finished.set(end, weights)
    if (!isInTurns) return
    before = weights
    turn += 1
  }

  function step(end: string, training: Training, gradient: Float32Array): void {
    const moved = optimizer.step(training.weights, gathered(gradient, ofServer), training.optimizer)
    training.weights = moved.weights
    training.optimizer = moved.state
    training.batch += 1
    delete training.pass
    if (training.isLast) finish(end, moved.weights, training.batch - 1)
  }

  function due(end: string, { type, batch }: Exclude<SplitRequest, { type: 'withdrawn' }>, fits: boolean): Training {
    const known = trainings.get(end)
    const isNext = known?.batch === batch && (known.pass !== undefined) === (type === 'gradient')
    if (known && fits && isNext) return known
    throw splitError('ROLE_SPLIT_MESSAGE', { end, type, batch, due: known?.batch ?? 0 })
  }

  async function receive(end: string, request: SplitRequest): Promise<SplitReply | 'again' | undefined> {
    if (isOver(end)) return request.type === 'values' && request.batch === 0 ? 'again' : undefined
    if (request.type === 'withdrawn') {
      drop(end)
      return undefined
    }
    const { batch } = request
    const named = { round, attempt, batch }
    if (request.type === 'gradient') {
      const training = due(end, request, head !== undefined)
      if (!training.pass) return undefined
      const { gradient, inputs } = await learner.backward(training.pass, request.gradient)
      step(end, training, gradient)
      return { type: 'gradient', ...named, gradient: inputs }
    }
    const { values, examples, labels, isLast } = request
    if (batch === 0) {
      const weights = isInTurns ? before : start
      trainings.set(end, { weights, optimizer: optimizer.begin(start.length), batch, isLast })
    }
    const training = due(end, request, (labels === undefined) === (head !== undefined))
    training.isLast = isLast
    const pass = {
      part: top,
      weights: whole(training.weights),
      round,
      of: { inputs: values, examples },
      label: `${end} ${batch}`,
    }
    if (!labels) {
      const outputs = await learner.forward(pass)
      training.pass = pass
      return { type: 'outputs', ...named, values: outputs.values }
    }
    const { gradient, inputs, loss } = await learner.lossOfPart(pass, labels)
    if (!Number.isFinite(loss))
      throw splitError('ROLE_SPLIT_DIVERGED', { end, batch, what: 'the loss', learningRate: steps.learningRate })
    step(end, training, gradient)
    return { type: 'gradient', ...named, gradient: inputs, loss }
  }

  function drop(end: string): void {
    trainings.delete(end)
    if (isInTurns && end === order[turn]) turn += 1
  }

  /** The mean movement of the members' copies. */
  function mean(members: Readonly<Record<string, number>>): TopAnswer {
    const sum = roundSum()
    const refusals: Refusal[] = []
    for (const [end, weight] of Object.entries(members).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const copy = finished.get(end)
      if (!copy) return again()
      try {
        sum.add(end, { vectors: { delta: whole(movement(copy)) }, weight, samples: 1, metrics: {} })
      } catch (error) {
        if (!(error instanceof CodedError)) throw error
        refusals.push({ end, code: error.code, reason: error.message, hint: error.hint })
      }
    }
    if (refusals.length > 0) return again(refusals)
    const delta = gathered(sum.aggregate({ round, population: settings.clients }).mean(), ofServer)
    return { type: 'top', round, attempt, delta }
  }

  function movement(part: Float32Array): Float32Array {
    return part.map((value, index) => value - (start[index] ?? 0))
  }

  return {
    isDue: (end) => order.includes(end) && (!isInTurns || order.indexOf(end) <= turn),
    passOver(isGone) {
      if (!isInTurns) return
      for (let end = order[turn]; end !== undefined && isGone(end); end = order[turn]) drop(end)
    },
    receive,
    drop,
    async close(members) {
      if (!isInTurns) return mean(members)
      const trained = [...finished.keys()]
      const counted = order.filter((end) => Object.hasOwn(members, end))
      const isSame = trained.length === counted.length && trained.every((end, index) => end === counted[index])
      return isSame ? { type: 'top', round, attempt, delta: movement(before) } : again()
    },
  }
}
