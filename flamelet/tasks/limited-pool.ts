import type { TrainingPool } from '../../sdk/index.ts'
import { flameletError } from '../errors.ts'

/**
 * A pool whose trainings may take this long. A training that takes longer is aborted, and fails with
 * FLAMELET_ROUND_TIME, which its role reports. Code that never yields is ended by the flamelet. `onTrained` hears the
 * round of each training that is done.
 */
export function limitedPool(
  pool: TrainingPool,
  { limitMs, onTrained }: { readonly limitMs: number; readonly onTrained: (round: number) => void },
): TrainingPool {
  return {
    ...pool,
    train(request) {
      const { end, round } = request
      const limit = new AbortController()
      const signal = request.signal ? AbortSignal.any([request.signal, limit.signal]) : limit.signal
      return new Promise((resolve, reject) => {
        // A learner may ignore the signal.
        const timer = setTimeout(() => {
          reject(flameletError('FLAMELET_ROUND_TIME', { end, round, seconds: limitMs / 1000 }))
          limit.abort()
        }, limitMs)
        pool
          .train({ ...request, signal })
          .then((update) => {
            onTrained(round)
            resolve(update)
          })
          .catch(reject)
          .finally(() => clearTimeout(timer))
      })
    },
  }
}
