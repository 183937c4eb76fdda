import { jobOrPart, listedRounds, registryError } from './errors.ts'
import type { CountedWork, LoadedModel, Spool } from './registry.ts'

/** A registry in memory, for tests and simulations. */
export function memoryRegistry(): Spool {
  /** By job, part ('' for no part) and round. */
  const jobs = new Map<string, Map<string, Map<number, LoadedModel>>>()
  const models = (job: string, part = '') => jobs.get(job)?.get(part)
  const rounds = (job: string, part?: string) => [...(models(job, part)?.keys() ?? [])].toSorted((a, b) => a - b)
  const found = (job: string, round: number, part?: string) => {
    const model = models(job, part)?.get(round)
    if (model) return model
    const known = listedRounds(rounds(job, part))
    throw registryError('REGISTRY_UNKNOWN', { job, round, of: jobOrPart(job, part), location: 'memory', known })
  }
  const describe = async (job: string, round: number, part?: string) => {
    const { weights: _, layout: __, modelTopology: ___, ...committed } = found(job, round, part)
    return structuredClone(committed)
  }
  return {
    async commit(given) {
      const { job, round, part = '', hash } = given
      const parts = jobs.get(job) ?? new Map<string, Map<number, LoadedModel>>()
      jobs.set(job, parts)
      const kept = parts.get(part) ?? new Map<number, LoadedModel>()
      parts.set(part, kept)
      if (kept.get(round)?.hash === hash) return
      const location = `memory:${[job, part, round].filter((name) => name !== '').join('/')}`
      const { weights, members, arrivals, ...rest } = given
      kept.set(round, {
        ...structuredClone(rest),
        weights: weights.slice(),
        // A fleet's round has thousands of each: a structured clone takes several times as long.
        members: [...members],
        ...(arrivals && { arrivals: arrivals.map(copyOf) }),
        location,
      })
    },
    async latest(job, part) {
      const last = rounds(job, part).at(-1)
      return last === undefined ? undefined : describe(job, last, part)
    },
    list: async (job, part) => rounds(job, part),
    parts: async (job) =>
      [...(jobs.get(job) ?? [])].flatMap(([part, kept]) => (part !== '' && kept.size > 0 ? [part] : [])).toSorted(),
    jobs: async () =>
      [...jobs].flatMap(([job, parts]) => ([...parts.values()].some(({ size }) => size > 0) ? [job] : [])).toSorted(),
    load: async (job, round, part) => structuredClone(found(job, round, part)),
    async open(job, round, part) {
      const { weights, layout, modelTopology } = found(job, round, part)
      const { buffer, byteOffset, byteLength } = weights
      const given = {
        ...(await describe(job, round, part)),
        layout,
        ...(modelTopology !== undefined && { modelTopology }),
      }
      async function* weightsBytes(): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(buffer, byteOffset, byteLength).slice()
      }
      return { ...structuredClone(given), weightsBytes }
    },
    describe,
    async remove(job, round, part) {
      models(job, part)?.delete(round)
    },
  }
}

function copyOf({ buffer, ...work }: CountedWork): CountedWork {
  return buffer ? { ...work, buffer: buffer.map(copyOf) } : work
}
