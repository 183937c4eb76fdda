import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Kernels } from '../kernels.ts'
import { type Plan, paddedTo8, type Tensor } from '../plan.ts'
import { gateMatrix, gateRow, skewBytes } from '../weight-layouts.ts'
import { blocks, type Cell, cells, type Frame, type Step } from './recurrent-cells.ts'
import { inPixels } from './shaping.ts'

/** Activations of recurrent layers, by their numbers in assembly/recurrent.ts. */
export const cellActivations = { linear: 0, tanh: 1, sigmoid: 2, hardSigmoid: 3, relu: 4, relu6: 5 } as const
export type CellActivation = keyof typeof cellActivations

export interface RecurrentSettings {
  /** Begins the names of the weights. */
  readonly name: string
  readonly cell: keyof typeof cells
  readonly units: number
  readonly activation: CellActivation
  /** Activation of the gates, but not of the candidate. */
  readonly recurrentActivation: CellActivation
  readonly kernelInitializer: InitializerSpec
  readonly recurrentInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
  /** Begins with the last step of the input. */
  readonly backwards: boolean
  /** The state after the last step, or the states after all steps: in their order, or the other way round. */
  readonly returns: 'last' | 'each' | 'each reversed'
}

/** Recurrent layers read their recurrent kernel at each step of each pass: large passes read it less often. */
const passBytes = 24 * 2 ** 20

/** A kernel up to this size stays near the processor from step to step. */
const nearBytes = 128 * 2 ** 10

/**
 * A recurrent layer over [steps, channels], from a state of zeros. The product of all steps' inputs with a large
 * kernel is one product; with a small kernel, each step's product is made before the step, which reads it. The gradients
 * of both kernels are products over all steps of some examples. Where the input has a mask, masked steps leave
 * the state as it is.
 */
export function recurrent(plan: Plan, settings: RecurrentSettings, given: Tensor): Tensor {
  const { name, units, backwards, returns, biasInitializer } = settings
  // Steps of a model's input needn't be padded.
  const isDense = given.gradient === 0 && given.pitch === given.channels && given.channels === given.shape.at(-1)
  const x = isDense ? given : inPixels(plan, name, given)
  const steps = x.pixels
  const width = paddedTo8(units)
  const { gates, make } = cells[settings.cell]
  const panels = (gates * width) / 8
  const kernel = gateMatrix(plan, {
    name: `${name}/kernel`,
    inputs: x.channels,
    rows: Math.ceil(x.pitch / 4) * 4,
    units,
    gates,
    initializer: settings.kernelInitializer,
  })
  const recurrentKernel = gateMatrix(plan, {
    name: `${name}/recurrent_kernel`,
    inputs: units,
    rows: width,
    units,
    gates,
    initializer: settings.recurrentInitializer,
  })
  const bias = gateRow(plan, { name: `${name}/bias`, units, gates, initializer: biasInitializer })
  plan.passBytes = Math.max(plan.passBytes, passBytes)

  const y = returns === 'last' ? plan.tensor([units]) : plan.tensor([steps, units])
  const gatePitch = 4 * gates * width + skewBytes
  const statePitch = 4 * width + skewBytes
  const frame: Frame = {
    units,
    width,
    gates,
    steps,
    activation: cellActivations[settings.activation],
    gateActivation: cellActivations[settings.recurrentActivation],
    recurrentKernel,
    gateRows: plan.allocate(plan.batch * steps * gatePitch),
    gatePitch,
    statePitch,
    firstBefore: backwards ? statePitch : 0,
    outputPitch: 4 * y.pixels * y.pitch,
    isMasked: x.mask !== undefined,
  }
  const states = plan.allocate(plan.batch * (steps + 1) * statePitch)
  const cell: Cell = make(plan, frame, states)
  const order = Array.from({ length: steps }, (_, index): Step => {
    const at = backwards ? steps - 1 - index : index
    const row = returns === 'each reversed' ? steps - 1 - index : index
    const out = (address: number) => (returns === 'last' ? 0 : address + 4 * row * y.pitch)
    return {
      at,
      gates: frame.gateRows + at * gatePitch,
      before: (backwards ? at + 1 : at) * statePitch,
      after: (backwards ? at : at + 1) * statePitch,
      value: out(y.value),
      gradient: out(y.gradient),
      mask: x.mask === undefined ? 0 : x.mask + 4 * at,
    }
  })
  const ended = states + (backwards ? 0 : steps * statePitch)
  const xPitch = 4 * x.pitch
  const offsets = (rows: number, pitch: number) => plan.table(Array.from({ length: rows }, (_, row) => row * pitch))
  const byStep = panels * kernel.panelBytes <= nearBytes
  const rowOffsets = byStep ? offsets(plan.batch, steps * xPitch) : offsets(plan.batch * steps, xPitch)
  const inputRun = plan.table([0, 0, xPitch])
  const inputProduct = (kernels: Kernels, rows: number, at: number, pitch: number) =>
    kernels.forward(
      x.value + at * xPitch,
      rowOffsets,
      rows,
      inputRun,
      1,
      kernel.address,
      kernel.panelBytes,
      panels,
      bias,
      frame.gateRows + at * gatePitch,
      pitch,
      0,
    )

  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      if (!byStep) inputProduct(kernels, batch * steps, 0, gatePitch)
      for (const step of order) {
        if (byStep) inputProduct(kernels, batch, step.at, steps * gatePitch)
        cell.forward(kernels, batch, step)
      }
      if (returns === 'last') {
        kernels.copyRows(ended, (steps + 1) * statePitch, y.value, 4 * width, batch, 4 * width)
      }
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      cell.begin(kernels, batch, returns === 'last' ? y.gradient : 0)
      for (const step of order.toReversed()) cell.backward(kernels, batch, step)
      // Before the gradients of weights, which may move the weights themselves.
      if (x.gradient !== 0) {
        const [from, to] = [frame.gateRows, x.gradient]
        const rows = batch * steps
        kernels.inputGradient(from, gatePitch, rows, kernel.address, kernel.panelBytes, panels, to, xPitch, x.pitch)
      }
      for (const { start, examples } of blocks(batch, steps)) {
        const first = start * steps
        const [values, gates, rows] = [x.value + first * xPitch, frame.gateRows + first * gatePitch, examples * steps]
        const gradient = kernel.address + gradientShift
        cell.weightGradient(kernels, { start, examples }, gradientShift, gradientScale)
        kernels.weightGradient(
          values,
          xPitch,
          0,
          1,
          rows,
          inputRun,
          1,
          gates,
          gatePitch,
          gradient,
          kernel.panelBytes,
          panels,
          gradientScale,
        )
      }
      if (biasInitializer) {
        kernels.sumRows(frame.gateRows, gatePitch, batch * steps, gates * width, bias + gradientShift, gradientScale)
      }
    },
  })
  return { ...y, mask: returns === 'last' ? undefined : x.mask }
}
