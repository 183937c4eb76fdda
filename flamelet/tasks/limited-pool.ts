import type { PoolTrainingRequest, TrainingPool } from '../../sdk/index.ts'
import { flameletError } from '../errors.ts'

/**
 * A pool whose trainings may take this long. A training that takes longer fails with FLAMELET_ROUND_TIME, which its role
 * reports; code that never yields is ended by the flamelet.
 */
export function limitedPool(pool: TrainingPool, limitMs: number): TrainingPool {
  return {
    ...pool,
    async train(request: PoolTrainingRequest) {
      const limit = AbortSignal.timeout(limitMs)
      const signal = request.signal ? AbortSignal.any([request.signal, limit]) : limit
      try {
        return await pool.train({ ...request, signal })
      } catch (cause) {
        if (!limit.aborted || request.signal?.aborted) throw cause
        const { end, round } = request
        throw flameletError('FLAMELET_ROUND_TIME', { end, round, seconds: limitMs / 1000 }, { cause })
      }
    },
  }
}
