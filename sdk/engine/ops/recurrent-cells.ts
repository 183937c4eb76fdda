import type { Kernels } from '../kernels.ts'
import type { Plan } from '../plan.ts'
import { type GateMatrix, turnedPanels } from '../weight-layouts.ts'
import { blockRows } from './row-product.ts'

/**
 * Where the parts of a recurrent layer lie. Pitches are in bytes. Each example has a row of gates for each step, and a
 * row of states for each step and one more.
 */
export interface Frame {
  readonly units: number
  /** Units with their padding. */
  readonly width: number
  readonly gates: number
  readonly steps: number
  readonly activation: number
  readonly gateActivation: number
  readonly recurrentKernel: GateMatrix
  /** The gates' values, which a backward pass replaces by their gradients. */
  readonly gateRows: number
  readonly gatePitch: number
  readonly statePitch: number
  /** Offset of the state before the input's first step. */
  readonly firstBefore: number
  /** From one example's output to the next one's. */
  readonly outputPitch: number
  readonly isMasked: boolean
}

/** One step: addresses for the first example of gates, output, its gradient (0: none) and mask (0: none). */
export interface Step {
  /** Its place in the input. */
  readonly at: number
  readonly gates: number
  /** Offsets of the states before and after the step. */
  readonly before: number
  readonly after: number
  readonly value: number
  readonly gradient: number
  readonly mask: number
}

/** The steps of one kind of recurrent layer. */
export interface Cell {
  forward(kernels: Kernels, batch: number, step: Step): void
  /** Begins a backward pass, with the gradient of the last state (address 0: none). */
  begin(kernels: Kernels, batch: number, gradient: number): void
  backward(kernels: Kernels, batch: number, step: Step): void
  /** Adds the recurrent kernel's gradient over all steps of some examples. */
  weightGradient(kernels: Kernels, block: Block, shift: number, scale: number): void
}

type MakeCell = (plan: Plan, frame: Frame, states: number) => Cell

/** Products of states with the parts of the recurrent kernel that belong to neighbouring gates. */
function products(plan: Plan, { width, steps, recurrentKernel, gateRows, gatePitch, statePitch, ...frame }: Frame) {
  const { address, panelBytes } = recurrentKernel
  const run = plan.table([0, 0, 4 * width])
  const noBias = plan.allocate(4 * frame.gates * width)
  /** The gates of one step that the products give. */
  const sums = plan.allocate(plan.batch * gatePitch)
  const offsets = (stride: number) => plan.table(Array.from({ length: plan.batch }, (_, example) => example * stride))
  return {
    sums,
    /** Offsets of each example's states, of which there are `perExample`. */
    offsets: (perExample: number) => offsets(perExample * statePitch),
    /** Writes the products for `count` gates from gate `from` on into the first gates of `sums`. */
    forward(kernels: Kernels, batch: number, states: number, table: number, from: number, count: number) {
      const w = address + ((from * width) / 8) * panelBytes
      const panels = (count * width) / 8
      kernels.forward(states, table, batch, run, 1, w, panelBytes, panels, noBias, sums, gatePitch, 0)
    },
    /** The gradient of the states, from those of `count` gates of a step, from gate `from` on. */
    backwardOf(from: number, count: number) {
      const size = count * width
      const part = { kernel: address + ((from * width) / 8) * panelBytes, panelBytes }
      const turned = turnedPanels(plan, part, { inputs: width, outputs: size })
      const gateRun = plan.table([0, 0, 4 * size])
      const gateTable = offsets(steps * gatePitch)
      return {
        /** Transposes the kernel: all steps of a pass multiply with it. */
        begin: turned.turn,
        step(kernels: Kernels, batch: number, gates: number, target: number) {
          const dy = gates + 4 * from * width
          kernels.forward(
            dy,
            gateTable,
            batch,
            gateRun,
            1,
            turned.kernel,
            turned.panelBytes,
            turned.panels,
            noBias,
            target,
            4 * width,
            0,
          )
        },
      }
    },
    /** Adds the gradient of the kernel's part, over the states before all steps. */
    weightGradient(
      kernels: Kernels,
      { start, examples }: Block,
      { first, perExample }: { readonly first: number; readonly perExample: number },
      from: number,
      count: number,
      [shift, scale]: readonly [number, number],
    ) {
      const stride = perExample * statePitch
      kernels.weightGradient(
        first + start * stride,
        statePitch,
        stride,
        examples,
        steps,
        run,
        1,
        gateRows + start * steps * gatePitch + 4 * from * width,
        gatePitch,
        address + ((from * width) / 8) * panelBytes + shift,
        panelBytes,
        (count * width) / 8,
        scale,
      )
    },
  }
}

/** Neighbouring examples of a batch. */
interface Block {
  readonly start: number
  readonly examples: number
}

/** A batch in blocks of examples, whose steps are the rows of a gradient's product. */
export function blocks(batch: number, steps: number): readonly Block[] {
  const size = Math.max(1, Math.floor(blockRows / steps))
  return Array.from({ length: Math.ceil(batch / size) }, (_, index) => ({
    start: index * size,
    examples: Math.min(size, batch - index * size),
  }))
}

/** Running gradients of a backward pass, one row of units for each example. */
function runningGradient(plan: Plan, { width }: Frame) {
  const address = plan.allocate(4 * plan.batch * width)
  return {
    address,
    /** Copies a gradient, or clears it (address 0). */
    begin(kernels: Kernels, batch: number, from = 0) {
      if (from === 0) kernels.fill(address, 0, batch * width)
      else kernels.copyRows(from, 0, address, 0, 1, 4 * batch * width)
    },
  }
}

const lstm: MakeCell = (plan, frame, states) => {
  const { units, width, steps, activation, gateActivation, gatePitch, statePitch, outputPitch } = frame
  const perExample = steps + 1
  const { sums, offsets, forward, backwardOf, weightGradient } = products(plan, frame)
  const table = offsets(perExample)
  const toStates = backwardOf(0, 4)
  const carried = plan.allocate(plan.batch * perExample * statePitch)
  const [dh, dc] = [runningGradient(plan, frame), runningGradient(plan, frame)]
  const kept = frame.isMasked ? runningGradient(plan, frame) : undefined
  const gateStride = steps * gatePitch
  const stride = perExample * statePitch
  return {
    forward(kernels, batch, { gates, before, after, value, mask }) {
      forward(kernels, batch, states + before, table, 0, 4)
      kernels.lstmStep(
        batch,
        units,
        width,
        activation,
        gateActivation,
        gates,
        gateStride,
        sums,
        gatePitch,
        states + before,
        carried + before,
        states + after,
        carried + after,
        stride,
        value,
        outputPitch,
        mask,
        4 * steps,
      )
    },
    begin(kernels, batch, gradient) {
      toStates.begin(kernels)
      dh.begin(kernels, batch, gradient)
      dc.begin(kernels, batch)
      kept?.begin(kernels, batch)
    },
    backward(kernels, batch, { gates, before, after, gradient, mask }) {
      kernels.lstmGradient(
        batch,
        width,
        activation,
        gateActivation,
        gates,
        gateStride,
        carried + before,
        carried + after,
        stride,
        gradient,
        outputPitch,
        dh.address,
        dc.address,
        kept?.address ?? 0,
        mask,
        4 * steps,
      )
      toStates.step(kernels, batch, gates, dh.address)
    },
    weightGradient(kernels, block, ...to) {
      weightGradient(kernels, block, { first: states + frame.firstBefore, perExample }, 0, 4, to)
    },
  }
}

/** The reset gate acts on the state before the product, as in TensorFlow.js. */
const gru: MakeCell = (plan, frame, states) => {
  const { units, width, steps, activation, gateActivation, gatePitch, statePitch, outputPitch } = frame
  const perExample = steps + 1
  const { sums, offsets, forward, backwardOf, weightGradient } = products(plan, frame)
  const table = offsets(perExample)
  const [toStates, toResets] = [backwardOf(0, 2), backwardOf(2, 1)]
  /** r·h of each step. */
  const resets = plan.allocate(plan.batch * steps * statePitch)
  const resetTable = offsets(steps)
  const [dh, kept, dReset] = [runningGradient(plan, frame), runningGradient(plan, frame), runningGradient(plan, frame)]
  const work = plan.allocate(4 * 2 * width)
  const gateStride = steps * gatePitch
  const stride = perExample * statePitch
  return {
    forward(kernels, batch, { at, gates, before, after, value, mask }) {
      const reset = resets + at * statePitch
      forward(kernels, batch, states + before, table, 0, 2)
      kernels.gruGates(
        batch,
        width,
        gateActivation,
        gates,
        gateStride,
        sums,
        gatePitch,
        states + before,
        stride,
        reset,
        steps * statePitch,
      )
      forward(kernels, batch, reset, resetTable, 2, 1)
      kernels.gruStep(
        batch,
        units,
        width,
        activation,
        gates,
        gateStride,
        sums,
        gatePitch,
        states + before,
        states + after,
        stride,
        value,
        outputPitch,
        mask,
        4 * steps,
      )
    },
    begin(kernels, batch, gradient) {
      toStates.begin(kernels)
      toResets.begin(kernels)
      dh.begin(kernels, batch, gradient)
      kept.begin(kernels, batch)
    },
    backward(kernels, batch, { gates, before, gradient, mask }) {
      kernels.gruStepGradient(
        batch,
        width,
        activation,
        gateActivation,
        gates,
        gateStride,
        states + before,
        stride,
        gradient,
        outputPitch,
        dh.address,
        kept.address,
        mask,
        4 * steps,
        work,
      )
      toResets.step(kernels, batch, gates, dReset.address)
      kernels.gruGatesGradient(
        batch,
        width,
        gateActivation,
        gates,
        gateStride,
        states + before,
        stride,
        dReset.address,
        kept.address,
        mask,
        4 * steps,
        work,
      )
      toStates.step(kernels, batch, gates, dh.address)
    },
    weightGradient(kernels, block, ...to) {
      weightGradient(kernels, block, { first: states + frame.firstBefore, perExample }, 0, 2, to)
      weightGradient(kernels, block, { first: resets, perExample: steps }, 2, 1, to)
    },
  }
}

const simple: MakeCell = (plan, frame, states) => {
  const { units, width, steps, activation, gatePitch, statePitch, outputPitch } = frame
  const perExample = steps + 1
  const { sums, offsets, forward, backwardOf, weightGradient } = products(plan, frame)
  const table = offsets(perExample)
  const toStates = backwardOf(0, 1)
  const dh = runningGradient(plan, frame)
  const kept = frame.isMasked ? runningGradient(plan, frame) : undefined
  const gateStride = steps * gatePitch
  const stride = perExample * statePitch
  return {
    forward(kernels, batch, { gates, before, after, value, mask }) {
      forward(kernels, batch, states + before, table, 0, 1)
      kernels.simpleStep(
        batch,
        units,
        width,
        activation,
        gates,
        gateStride,
        sums,
        gatePitch,
        states + before,
        states + after,
        stride,
        value,
        outputPitch,
        mask,
        4 * steps,
      )
    },
    begin(kernels, batch, gradient) {
      toStates.begin(kernels)
      dh.begin(kernels, batch, gradient)
      kept?.begin(kernels, batch)
    },
    backward(kernels, batch, { gates, after, gradient, mask }) {
      kernels.simpleGradient(
        batch,
        width,
        activation,
        gates,
        gateStride,
        states + after,
        stride,
        gradient,
        outputPitch,
        dh.address,
        kept?.address ?? 0,
        mask,
        4 * steps,
      )
      toStates.step(kernels, batch, gates, dh.address)
    },
    weightGradient(kernels, block, ...to) {
      weightGradient(kernels, block, { first: states + frame.firstBefore, perExample }, 0, 1, to)
    },
  }
}

/** The cells by name, with the number of their gates. */
export const cells = {
  lstm: { gates: 4, make: lstm },
  gru: { gates: 3, make: gru },
  simple: { gates: 1, make: simple },
} as const
