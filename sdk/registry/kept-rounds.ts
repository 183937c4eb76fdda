import type { CommittedModel, ModelRegistry } from './registry.ts'

/** Which of a job's rounds keep their models. */
export interface KeptRounds {
  /** So many of the last ones; one at least. */
  readonly last: number
  /** The best one, too: that of the highest accuracy or, where there is none, of the lowest loss; the earliest of equals. */
  readonly best: boolean
}

/**
 * A registry that keeps the models of some rounds alone. The others go before a commit resolves, and so before its round is
 * committed: whenever the process is killed, a resumed run leaves the same rounds. What it goes on from is in the store.
 */
export function keepingRounds(registry: ModelRegistry, { last, best }: KeptRounds): ModelRegistry {
  return {
    ...registry,
    async commit(model) {
      await registry.commit(model)
      const { job, part } = model
      const rounds = await registry.list(job, part)
      const kept = new Set(rounds.slice(-last))
      if (best) kept.add(bestOf(await Promise.all(rounds.map((round) => registry.describe(job, round, part)))))
      for (const round of rounds) if (!kept.has(round)) await registry.remove(job, round, part)
    },
  }
}

function bestOf(models: readonly CommittedModel[]): number {
  const quality = ({ metrics: { accuracy, loss } }: CommittedModel) =>
    accuracy ?? (loss === undefined ? Number.NEGATIVE_INFINITY : -loss)
  const [first, ...others] = models
  if (!first) return 0
  return others.reduce((found, model) => (quality(model) > quality(found) ? model : found), first).round
}
