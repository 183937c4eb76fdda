/**
 * Runs a test with the seeds 0 … count − 1, or only with the seed in the environment variable SEED. A failure names its
 * seed.
 */
export async function forSeeds(count: number, run: (seed: number) => Promise<void>): Promise<void> {
  const only = globalThis.process?.env.SEED
  const seeds = only === undefined ? Array.from({ length: count }, (_, seed) => seed) : [Number(only)]
  for (const seed of seeds) {
    try {
      await run(seed)
    } catch (cause) {
      throw new Error(`seed ${seed} fails; repeat it alone with SEED=${seed}: ${String(cause)}`, { cause })
    }
  }
}
