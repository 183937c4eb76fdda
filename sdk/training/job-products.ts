import { learnError } from '../learn/errors.ts'
import type { Learner, Products } from '../learn/learner.ts'
import type { Notice, Settings } from '../role/role.ts'

/** How a learner sums products for a job, in this process. */
export interface JobProducts {
  readonly products: Products
  /** The platform has no fused multiply-add, so that fused products take many times as long. */
  readonly isEmulated: boolean
}

/**
 * The products that a job's setting `arithmetic` asks of a learner. Undefined for a learner that doesn't say how it sums products,
 * which plain jobs may have.
 *
 * @throws LEARN_FUSED where the learner has no fused products, LEARN_EMULATED where the job refuses emulation.
 */
export async function jobProducts(
  { fused, runsOn = "the workload's own learner" }: Pick<Learner, 'fused' | 'runsOn'>,
  { arithmetic = 'plain' }: Settings,
): Promise<JobProducts | undefined> {
  if (arithmetic === 'plain') return fused && { products: 'plain', isEmulated: false }
  if (!fused) throw learnError('LEARN_FUSED', { arithmetic, runsOn })
  const { isEmulated } = await fused()
  if (isEmulated && arithmetic === 'fused-only') throw learnError('LEARN_EMULATED', { arithmetic })
  return { products: 'fused', isEmulated }
}

/** The learner's `runsOn`, with how it sums products if that isn't plain. */
export function runsOnOf(runsOn: string | undefined, job: JobProducts | undefined): string | undefined {
  if (job?.products !== 'fused') return runsOn
  const how = job.isEmulated ? ', which this platform emulates' : ''
  return `${runsOn ?? "the workload's own learner"}, with fused multiply-add${how}`
}

/** The notice for the job's followers where fused products are emulated. */
export function emulationNotice(job: JobProducts | undefined): Notice | undefined {
  if (!job?.isEmulated) return undefined
  const message =
    'this platform emulates fused multiply-add, to the same bits, at a tenth of the speed or less; arithmetic=fused-only refuses such platforms'
  return { code: 'FUSED_EMULATED', message }
}
