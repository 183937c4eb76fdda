import { add } from '../ops/elementwise.ts'
import { broadcast, concatenate, maximum, minimum, multiply, scaled } from '../ops/merging.ts'
import type { Plan, Tensor } from '../plan.ts'
import type { LayerBuilder, LayerSettings } from './layer-settings.ts'

type Inputs = readonly [Tensor, ...Tensor[]]

/** Layers that join several tensors value by value, with broadcasting as in TensorFlow.js, or along an axis. */
export const mergingLayers: Readonly<Record<string, LayerBuilder>> = {
  Add: (plan, settings, inputs) => add(plan, settings.name, inOneShape(plan, settings, inputs)),
  Average: (plan, settings, inputs) =>
    scaled(plan, settings.name, 1 / inputs.length, add(plan, settings.name, inOneShape(plan, settings, inputs))),
  Multiply: (plan, settings, inputs) => multiply(plan, settings.name, inOneShape(plan, settings, inputs)),
  Maximum: (plan, settings, inputs) => maximum(plan, settings.name, inOneShape(plan, settings, inputs)),
  Minimum: (plan, settings, inputs) => minimum(plan, settings.name, inOneShape(plan, settings, inputs)),
  Concatenate(plan, settings, inputs) {
    const [{ shape }] = inputs
    const given = settings.number('axis', -1)
    // In TensorFlow.js axis 0 is that of the examples.
    const axis = given < 0 ? given + shape.length : given - 1
    if (!(Number.isInteger(axis) && axis >= 0 && axis < shape.length)) {
      throw settings.refuseValue('axis', `-${shape.length} to ${shape.length} without 0`)
    }
    const others = ({ shape }: Tensor) => String(shape.toSpliced(axis, 1))
    if (inputs.length < 2 || inputs.some((x) => x.shape.length !== shape.length || others(x) !== others(inputs[0]))) {
      const shapes = inputs.map(({ shape }) => `[${shape}]`).join(' and ')
      throw settings.refuse(`joins ${shapes} along axis ${given}: shapes must differ in this axis alone`)
    }
    return concatenate(plan, settings.name, axis, inputs)
  },
}

/** The inputs in their common shape: missing first axes, and axes of length 1, are repeated. */
function inOneShape(plan: Plan, settings: LayerSettings, inputs: Inputs): Inputs {
  const rank = Math.max(...inputs.map(({ shape }) => shape.length))
  const shape = Array.from({ length: rank }, (_, axis) => {
    const lengths = inputs.map((x) => x.shape[axis - rank + x.shape.length] ?? 1)
    const longest = Math.max(...lengths)
    if (lengths.every((length) => length === 1 || length === longest)) return longest
    const shapes = inputs.map((x) => `[${x.shape}]`).join(' and ')
    throw settings.refuse(`takes ${shapes}: shapes must be the same, but for axes of length 1`)
  })
  if (inputs.length < 2) throw settings.refuse('takes two inputs or more, but gets one')
  const [first, ...others] = inputs
  const wide = (x: Tensor) => broadcast(plan, settings.name, x, shape)
  return [wide(first), ...others.map(wide)]
}
