import type { Vector } from '../sum/accumulator.ts'
import type { Layout } from '../weights/layout.ts'
import type { Evaluation, LocalTerms, Update } from './learner.ts'

/** An update whose vectors may have stayed where they were made. */
export interface HeldUpdate extends Omit<Update, 'delta' | 'vectors'> {
  readonly delta: Vector
  readonly vectors?: Readonly<Record<string, Vector>>
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
  /** Trains as `train` does. The vectors may stay where they were made: each can be added to a sum once, or taken once. */
  trainHeld(request: RoleTrainingRequest): Promise<HeldUpdate>
  /** Brings a vector here from where it was trained: it can't be added or taken then. */
  take(vector: Vector): Promise<Float32Array>
  evaluate(weights: Float32Array): Promise<Evaluation>
}
