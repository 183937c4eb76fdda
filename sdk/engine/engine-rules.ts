import { sizeOf } from '../weights/layout.ts'
import type { Kernels } from './kernels.ts'
import { type Plan, paddedTo8, type WeightSlot } from './plan.ts'

/** The rules of a model's weights: regularizers and constraints. */
export interface WeightRules {
  /** Layers whose weights have rules. */
  readonly layers: readonly string[]
  /** Whether steps must move weights by more than the gradients of passes. */
  readonly hold: boolean
  /** The regularizers' part of the loss of a batch. */
  penalty(kernels: Kernels): number
  /** Adds the penalty's gradient to the array of gradients at this distance in bytes from the weights. */
  addGradient(kernels: Kernels, shift: number): void
  /** Makes weights keep their constraints, after a step. */
  constrain(kernels: Kernels): void
}

/** Plans the rules of weights. Frozen weights have their share of the penalty, but don't move. */
export function weightRules(plan: Plan, slots: readonly WeightSlot[]): WeightRules {
  const penalized = slots.flatMap(({ place, penalty, trained }) =>
    place && penalty ? [{ ...place, ...penalty, trained, count: place.bytes / 4 }] : [],
  )
  const moving = penalized.filter(({ trained }) => trained)
  const constrained = slots.filter(({ constraint, trained }) => constraint && trained)
  const largest = Math.max(0, ...constrained.map(({ shape }) => sizeOf(shape)))
  const scratch = largest === 0 ? 0 : plan.allocate(4 * paddedTo8(largest))
  const ruled = slots.filter(({ penalty, constraint }) => penalty ?? constraint)
  return {
    layers: ruled.map(({ name }) => name.slice(0, name.lastIndexOf('/'))),
    hold: moving.length + constrained.length > 0,
    penalty: (kernels) =>
      penalized.reduce((sum, { address, l1, l2, count }) => sum + kernels.penalty(address, l1, l2, count), 0),
    addGradient(kernels, shift) {
      for (const { address, l1, l2, count } of moving) {
        kernels.addPenaltyGradient(address, l1, l2, address + shift, count)
      }
    },
    constrain(kernels) {
      for (const slot of constrained) keepConstraint(kernels, slot, scratch)
    },
  }
}

function keepConstraint(kernels: Kernels, slot: WeightSlot, scratch: number): void {
  const { shape, rows, place, constraint } = slot
  if (!place || !constraint) return
  if (constraint.type === 'nonNegative') {
    kernels.rectify(place.address, place.address, 0, Number.POSITIVE_INFINITY, place.bytes / 4)
    return
  }
  const { axes, least, most, rate } = constraint
  const [first, last] = axes
  const lengths = [shape.slice(0, first), shape.slice(first, last + 1), shape.slice(last + 1)].map(sizeOf)
  const [outer = 1, length = 1, inner = 1] = lengths
  slot.save(kernels, scratch, 0, rows)
  kernels.limitNorms(scratch, outer, length, inner, least, most, rate)
  slot.load(kernels, scratch, 0, rows)
}
