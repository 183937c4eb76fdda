import type { HeldDelta } from '../strategy/sum/held-delta.ts'
import type { Layout } from '../weights/layout.ts'
import type { Evaluation, LocalTerms, Update } from './learner.ts'

/** An update whose delta may have stayed where it was trained. */
export interface HeldUpdate extends Omit<Update, 'delta'> {
  readonly delta: Float32Array | HeldDelta
}

/** One training of a role's own data. */
export interface RoleTrainingRequest {
  readonly round: number
  /** Unchanged while the training runs. */
  readonly weights: Float32Array
  readonly terms: LocalTerms
}

/** Training and evaluation as a role sees them: its own data, its own random streams. */
export interface RoleLearner {
  readonly layout: Layout
  initialWeights(): Promise<Float32Array>
  /** Trains on this task's dataset. */
  train(request: RoleTrainingRequest): Promise<Update>
  /** Trains as `train` does. The delta may stay where it was trained: it can only be added to a sum, once. */
  trainHeld(request: RoleTrainingRequest): Promise<HeldUpdate>
  evaluate(weights: Float32Array): Promise<Evaluation>
}
