import type { Steps } from '../../../learn/steps.ts'
import type { ClientPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { learnerError } from '../../learner-needs.ts'
import {
  drawnWork,
  momentumServer,
  roundParts,
  roundSettings,
  unequalWork,
  weighting,
  withScalars,
} from '../server/index.ts'

/**
 * FedNova: clients that do more local steps, or whose solver goes further in a step, don't pull the weights to their
 * own optimum.
 *
 * w ← w + τ_eff Σ p_k Δ_k/‖a_k‖₁,  p_k = n_k/n
 *
 * a_k are the factors with which the gradients of client k's τ_k steps enter Δ_k, in units of −η. For plain SGD
 * ‖a‖₁ = τ, for momentum ρ ‖a‖₁ = [τ − ρ(1 − ρ^τ)/(1 − ρ)]/(1 − ρ), for a proximal term μ ‖a‖₁ = [1 − (1 − ημ)^τ]/(ημ).
 * τ_eff = Σ p_k ‖a_k‖₁, and with a proximal term Σ p_k τ_k.
 *
 * The learner steps by SGD and states its settings. With server momentum the step goes through FedAvgM's.
 *
 * @see Wang et al., Tackling the Objective Inconsistency Problem in Heterogeneous Federated Optimization, NeurIPS 2020.
 */
export const fedNova = defineAlgorithm({
  name: 'fednova',
  summary: 'normalised averaging: w ← w + τ_eff Σ p_k Δ_k/‖a_k‖₁',
  source: 'Wang et al., NeurIPS 2020',
  settings: {
    mu: { kind: 'number', least: 0, default: 0, help: "μ: factor of a proximal term of the clients' loss; 0: none" },
    serverMomentum: { kind: 'number', least: 0, below: 1, default: 0, help: 'γ: decay of the momentum at the server' },
    ...roundSettings,
    weighting: weighting('samples'),
    ...unequalWork,
  },
  make: ({ mu, serverMomentum: beta, leastEpochs, ...values }) => ({
    ...withScalars(roundParts(values)),
    server: momentumServer({ beta, eta: 1 }, (aggregate) => {
      const effective = (aggregate.scalars.effective ?? 0) / aggregate.weight
      return aggregate.mean().map((value) => effective * value)
    }),
    client: normalised(values.weighting, mu, leastEpochs),
  }),
})

/** Sends Δ_k/‖a_k‖₁, rounded to float32, and the scalar `effective`: n_k times the client's part of τ_eff. */
function normalised(weighting: 'samples' | 'equal', mu: number, leastEpochs: number | undefined): ClientPart<null> {
  return {
    needs: leastEpochs === undefined ? ['sgd', 'fixed-rate'] : ['sgd', 'fixed-rate', 'work'],
    async train({ round, weights }, own, learner, random) {
      const { ownSteps } = learner
      if (!ownSteps) throw learnerError('sgd')
      const work = drawnWork(leastEpochs, learner, random)
      const terms = mu === 0 ? {} : { proximal: mu }
      const { delta, samples, steps, metrics } = await learner.train({ round, weights, terms, ...work })
      if (steps === undefined) throw learnerError('own-steps')
      const weight = weighting === 'equal' ? 1 : samples
      const norm = accumulationNorm(ownSteps, steps, mu)
      const contribution = {
        vectors: { delta: delta.map((moved) => moved / norm) },
        weight,
        scalars: { effective: weight * (mu === 0 ? norm : steps) },
        samples,
        steps,
        metrics,
      }
      return { contribution, own }
    },
  }
}

/** ‖a‖₁: the distance in units of η that `steps` steps go from the weights on a gradient that is 1 throughout. */
function accumulationNorm({ learningRate, momentum = 0, nesterov = false }: Steps, steps: number, mu: number): number {
  let [velocity, moved] = [0, 0]
  for (let step = 0; step < steps; step++) {
    const gradient = 1 - learningRate * mu * moved
    velocity = momentum * velocity + gradient
    moved += nesterov ? gradient + momentum * velocity : velocity
  }
  return moved
}
