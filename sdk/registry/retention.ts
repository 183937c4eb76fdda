import type { Lineage, ModelRegistry } from './registry.ts'

/** The rounds of each model of a job that are kept. The last round always is: a job goes on from there. */
export interface KeptRounds {
  /** Number of last rounds, 1 or more. */
  readonly last: number
  /**
   * Number of best rounds: those of the highest accuracy or, without accuracy, of the lowest loss; the earliest of equal
   * ones. Default 0.
   */
  readonly best?: number
  /** Each round whose number is a multiple of this is kept, too. Default: none. */
  readonly every?: number
}

export interface RetentionOptions {
  /** Whether something else needs a round, such as another job that begins with its model. Default: nothing does. */
  readonly isNeeded?: (model: Pick<Lineage, 'job' | 'round' | 'part'>) => boolean | Promise<boolean>
}

/**
 * A registry that keeps the models of some rounds only. The others are removed before `commit` resolves, and so before
 * the round is committed: whenever the process is killed, a resumed run leaves the same rounds. A resumed run needs no
 * models, since its state is in the store.
 */
export function keepingRounds<Registry extends ModelRegistry>(
  registry: Registry,
  keep: KeptRounds,
  { isNeeded = () => false }: RetentionOptions = {},
): Registry {
  /** By job and part: the qualities of the rounds that were looked at. */
  const known = new Map<string, Map<number, number>>()
  return {
    ...registry,
    async commit(model) {
      await registry.commit(model)
      const { job, part } = model
      const rounds = await registry.list(job, part)
      const kept = keep.best ? await qualitiesOf(model, rounds) : new Map(rounds.map((round) => [round, 0] as const))
      const wanted = wantedRounds(kept, keep)
      for (const round of rounds) {
        if (wanted.has(round) || (await isNeeded({ job, round, ...(part !== undefined && { part }) }))) continue
        await registry.remove(job, round, part)
      }
    },
  }

  async function qualitiesOf(model: Lineage, rounds: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const { job, part, round: committed } = model
    const name = JSON.stringify([job, part])
    const before = known.get(name)
    const qualities = new Map<number, number>()
    for (const round of rounds) {
      // The round that was just committed may have been there already, with other metrics.
      const quality = round === committed ? undefined : before?.get(round)
      qualities.set(round, quality ?? qualityOf(await registry.describe(job, round, part)))
    }
    known.set(name, qualities)
    return qualities
  }
}

function wantedRounds(qualities: ReadonlyMap<number, number>, { last, best = 0, every }: KeptRounds): Set<number> {
  const rounds = [...qualities.keys()].toSorted((a, b) => a - b)
  const byQuality = rounds.toSorted((a, b) => (qualities.get(b) ?? 0) - (qualities.get(a) ?? 0) || a - b)
  const repeated = every === undefined ? [] : rounds.filter((round) => round % every === 0)
  return new Set([...(last > 0 ? rounds.slice(-last) : []), ...byQuality.slice(0, best), ...repeated])
}

/** The best of a model's rounds in a registry. Undefined without any. */
export async function bestRound(registry: ModelRegistry, job: string, part?: string): Promise<number | undefined> {
  const rounds = await registry.list(job, part)
  const models = await Promise.all(rounds.map((round) => registry.describe(job, round, part)))
  return [...wantedRounds(new Map(models.map((model) => [model.round, qualityOf(model)])), { last: 0, best: 1 })][0]
}

/** By which rounds are compared: the accuracy, or else the loss, negated. Finite; least for a round without either. */
export function qualityOf({ metrics: { accuracy, loss } }: Pick<Lineage, 'metrics'>): number {
  const quality = accuracy ?? (loss === undefined ? Number.NaN : -loss)
  return Number.isNaN(quality) ? -Number.MAX_VALUE : Math.max(quality, -Number.MAX_VALUE)
}
