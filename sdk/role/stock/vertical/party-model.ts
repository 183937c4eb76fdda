import { fieldsOf } from '../../../../runtime/index.ts'
import { gradientSteps, isOptimizerState, type OptimizerState } from '../../../learn/gradient-steps.ts'
import type { RoleLearner } from '../../../learn/role-learner.ts'
import type { Algorithm, VerticalSettings } from '../../../strategy/algorithm.ts'
import { learnerError } from '../../../strategy/learner-needs.ts'
import { partyError } from './party-errors.ts'

/** A party's part of the joint model, as it trains and keeps the part. */
export interface TrainedPart {
  /** Weights of the party's section. */
  readonly weights: Float32Array
  readonly optimizer: OptimizerState
}

/** The joint model as one of its parties has it. */
export interface PartyModel {
  /** Number of values that a party's own part gives for one example. */
  outputs(party: number): number
  /** The part before the first round. */
  begin(): Promise<TrainedPart>
  /** Weights of the whole layout for a pass. Those of other parties are zeros. */
  forPass(part: TrainedPart): Float32Array
  /** The part after a step. `gradients`: of the whole layout; they are added. */
  stepped(part: TrainedPart, ...gradients: readonly Float32Array[]): TrainedPart
}

/** @throws STRATEGY_LEARNER, LEARN_STEPWISE; ROLE_PARTIES for a party without a part of the model. */
export function partyModel(end: string, learner: RoleLearner, party: number): PartyModel {
  const { layout, sections, ownSteps } = learner
  if (!sections) throw learnerError('parties')
  if (!ownSteps) throw learnerError('stepwise')
  const section = sections[party]
  if (!section) throw partyError('ROLE_PARTIES', { end, party, parties: sections.length })
  const { begin, step } = gradientSteps(ownSteps)
  const { size } = section.layout
  const start = sections.slice(0, party).reduce((sum, before) => sum + before.layout.size, 0)
  return {
    outputs: (of) => sections[of]?.outputs ?? 0,
    async begin() {
      const weights = (await learner.initialWeights()).slice(start, start + size)
      return { weights, optimizer: begin(size) }
    },
    forPass({ weights }) {
      const whole = new Float32Array(layout.size)
      whole.set(weights, start)
      return whole
    },
    stepped({ weights, optimizer }, ...gradients) {
      const own = new Float32Array(size)
      for (const gradient of gradients) for (let i = 0; i < size; i++) own[i]! += gradient[start + i]!
      const next = step(weights, own, optimizer)
      return { weights: next.weights, optimizer: next.state }
    },
  }
}

/** @throws STRATEGY_LEARNER where the algorithm isn't one of vertical topologies. */
export function verticalSettings({ vertical }: Algorithm): VerticalSettings {
  if (vertical) return vertical
  throw learnerError('parties')
}

/** Whether a value from a snapshot is a part. */
export function isTrainedPart(value: unknown): value is TrainedPart {
  const { weights, optimizer } = fieldsOf(value)
  return weights instanceof Float32Array && isOptimizerState(optimizer)
}
