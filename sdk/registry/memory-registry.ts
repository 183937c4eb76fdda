import { listedRounds, registryError } from './errors.ts'
import type { CommittedModel, ModelRegistry } from './registry.ts'

/** A registry in memory, for tests and simulations. */
export function memoryRegistry(): ModelRegistry {
  const jobs = new Map<string, Map<number, CommittedModel & { readonly weights: Float32Array }>>()
  const rounds = (job: string) => [...(jobs.get(job)?.keys() ?? [])].toSorted((a, b) => a - b)
  const found = (job: string, round: number) => {
    const model = jobs.get(job)?.get(round)
    if (model) return model
    throw registryError('REGISTRY_UNKNOWN', { job, round, location: 'memory', known: listedRounds(rounds(job)) })
  }
  return {
    async commit({ job, workload, seed, round, metrics, members, hash, weights }) {
      const models = jobs.get(job) ?? new Map()
      jobs.set(job, models)
      if (models.get(round)?.hash === hash) return
      const model = structuredClone({ job, workload, seed, round, metrics, members, hash, weights })
      models.set(round, { ...model, location: `memory:${job}/${round}` })
    },
    async latest(job) {
      const model = jobs.get(job)?.get(rounds(job).at(-1) ?? 0)
      if (!model) return undefined
      const { weights: _, ...committed } = model
      return structuredClone(committed)
    },
    list: async (job) => rounds(job),
    load: async (job, round) => structuredClone(found(job, round)),
    async describe(job, round) {
      const { weights: _, ...committed } = found(job, round)
      return structuredClone(committed)
    },
    async remove(job, round) {
      jobs.get(job)?.delete(round)
    },
  }
}
