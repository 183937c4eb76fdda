import type { Plan, Tensor } from '../plan.ts'
import { normalization } from './normalization.ts'
import { inPixels } from './reshape.ts'
import { type NormalizationWeights, scaleAndShift } from './scale-and-shift.ts'

export interface GroupNormalizationSettings extends NormalizationWeights {
  /** Divides the channels. */
  readonly groups: number
}

/**
 * Normalizes groups of channels of one example, whatever the others of its batch: what trains well on the small, unlike data
 * of clients.
 *
 * @see Wu and He, Group Normalization, ECCV 2018.
 */
export function groupNormalization(plan: Plan, settings: GroupNormalizationSettings, given: Tensor): Tensor {
  const { name, groups, epsilon } = settings
  const x = inPixels(plan, name, given)
  const { channels, pixels } = x
  const scaling = scaleAndShift(plan, settings, channels)
  const y = plan.tensor(x.shape)
  const sets = { channels, groups, rowsOf: () => pixels, setsOf: (batch: number) => batch, sets: plan.batch }
  const { measure, apply, backward } = normalization(plan, x, y, sets, scaling, epsilon)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      measure(kernels, batch)
      apply(kernels, batch)
    },
    backward,
  })
  return y
}
