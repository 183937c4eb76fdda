import type { Column, Examples } from '../data/examples.ts'
import { sizeOf } from '../weights/layout.ts'
import { learnError } from './errors.ts'
import type { Loss } from './loss.ts'

/**
 * A loss with the outputs of one model. The outputs of an example are rows, as many as steps or pixels, whose values are the
 * last dimension: one row where the outputs are a vector. The loss of an example is the mean over its rows that count. For a
 * loss of one's own all outputs are one row.
 */
export interface FittedLoss {
  readonly loss: Loss
  /** The losses of several outputs, in the model's order. */
  readonly parts?: readonly OutputPart[]
  /** Rows of one example, and outputs of one row. */
  readonly rows: number
  readonly size: number
  /** Number of values of an example's target. */
  readonly targets: number
  /** Number of classes that a label or each value of a target names. Undefined for target values. */
  readonly classes: number | undefined
  /** Whether all rows have the same weight. Otherwise `weigh` gives the weight of each. */
  readonly weighted: boolean
  /**
   * Checks that the examples have targets for these outputs, and the columns that the loss reads. LEARN_OUTPUTS, LEARN_COLUMN.
   */
  requireFit(examples: Examples): void
  /**
   * Writes the target of an example. A masked class becomes −1. LEARN_LABEL for a class without an output of the model.
   */
  read(examples: Examples, index: number, out: Float32Array, offset: number): void
  /** LEARN_LABEL for a target that `read` would refuse. */
  check(target: ArrayLike<number>, index: number): void
  /** Writes −1 in the place of a masked class. */
  mask(target: Float32Array): void
  /**
   * Writes a weight for each row of an example, for its target from `offset` on: 0 for a masked row. LEARN_EXAMPLE for a
   * weight of the examples below 0.
   */
  weigh(
    examples: Pick<Examples, 'columns'>,
    index: number,
    target: Float32Array,
    offset: number,
    out: Float64Array,
    at: number,
  ): void
}

/** The loss of one of several outputs of a model, and its place among the outputs and targets of an example. */
export interface OutputPart {
  readonly name: string
  readonly fitted: FittedLoss
  /** Factor of the loss. */
  readonly weight: number
  /** First of the part's outputs, and of the part's targets. */
  readonly output: number
  readonly target: number
}

/** The layer that gives an output of a model, and the shape of the output. */
export interface ModelOutput {
  readonly name: string
  readonly shape: readonly number[]
}

/**
 * Fits a loss to outputs of a shape.
 *
 * @param outputs The model's outputs, which lie side by side in the shape, for a loss of each.
 * @throws LEARN_SETTING for class weights of another number than the classes, and for losses of other outputs than the
 *   model's.
 */
export function fittedLoss(loss: Loss, shape: readonly number[], outputs?: readonly ModelOutput[]): FittedLoss {
  return loss.outputs ? fittedLosses(loss, loss.outputs, shape, outputs) : fittedOne(loss, shape)
}

function fittedLosses(
  loss: Loss,
  losses: NonNullable<Loss['outputs']>,
  shape: readonly number[],
  outputs: readonly ModelOutput[] | undefined,
): FittedLoss {
  const given = Object.keys(losses)
  const refuse = (expected: string) =>
    learnError('LEARN_SETTING', { name: 'loss.losses', expected, value: `of ${given.join(', ')}` })
  if (!outputs) throw refuse('absent, or a model of layers that the engine knows, without other parties')
  const names = outputs.map(({ name }) => name)
  if (given.length !== names.length || names.some((name) => !given.includes(name)))
    throw refuse(`a loss for each output of the model, which are ${names.join(', ')}`)
  let [output, target] = [0, 0]
  const parts = outputs.flatMap(({ name, shape: own }): OutputPart[] => {
    const weighted = losses[name]
    if (!weighted) return []
    const fitted = fittedOne(weighted.loss, own)
    const part = { name, fitted, weight: weighted.weight, output, target }
    output += sizeOf(own)
    target += fitted.targets
    return [part]
  })
  const targetOf = ({ fitted, target: from }: OutputPart, values: Float32Array) =>
    values.subarray(from, from + fitted.targets)
  const check = (values: ArrayLike<number>, index: number) => {
    const all = Float32Array.from(values)
    for (const part of parts) part.fitted.check(targetOf(part, all), index)
  }
  const mask = (values: Float32Array) => {
    for (const part of parts) part.fitted.mask(targetOf(part, values))
  }
  return {
    ...fittedOne(loss, shape),
    parts,
    targets: target,
    requireFit({ targets, columns = {} }) {
      if ((targets ? sizeOf(targets.shape) : 1) !== target) {
        const came = targets ? `targets of shape [${targets.shape}]` : 'one label each'
        const expected = target === 1 ? 'one number' : `${target} numbers`
        throw learnError('LEARN_OUTPUTS', { loss: loss.name, expected, outputs: shape, came })
      }
      for (const { fitted } of parts)
        if (fitted.loss.exampleWeights !== undefined) requireColumn(columns, fitted.loss.exampleWeights)
    },
    read(examples, index, out, offset) {
      const values = out.subarray(offset, offset + target)
      if (examples.targets) examples.targets.read(index, values, 0)
      else values[0] = examples.label(index)
      check(values, index)
      mask(values)
    },
    check,
    mask,
  }
}

function fittedOne(loss: Loss, shape: readonly number[]): FittedLoss {
  const { name, targets: kind, masked, classWeights, exampleWeights, own } = loss
  const size = own ? sizeOf(shape) : (shape.at(-1) ?? 1)
  const rows = own ? 1 : sizeOf(shape.slice(0, -1))
  const classes = kind === 'classes' ? size : kind === 'labels' ? 2 : own?.classes
  const targets = kind === 'classes' ? rows : kind === 'own' ? 1 : rows * size
  if (classWeights && (classWeights.length !== classes || (kind === 'labels' && rows * size !== 1))) {
    const expected =
      rows * size === 1 || kind === 'classes' ? `${classes} numbers` : 'absent, since there are several labels'
    throw learnError('LEARN_SETTING', { name: 'loss.classWeights', expected, value: classWeights.join(', ') })
  }
  const check = (target: ArrayLike<number>, index: number) => {
    if (classes === undefined) return
    for (let at = 0; at < target.length; at++) {
      const label = target[at] ?? Number.NaN
      const isMasked = masked !== undefined && (label === masked || label === -1)
      if (!isMasked && !(Number.isInteger(label) && label >= 0 && label < classes))
        throw learnError('LEARN_LABEL', { index, label, outputs: classes })
    }
  }
  const mask = (target: Float32Array) => {
    if (masked !== undefined) for (let at = 0; at < target.length; at++) if (target[at] === masked) target[at] = -1
  }
  return {
    loss,
    rows,
    size,
    targets,
    classes,
    weighted: masked !== undefined || classWeights !== undefined || exampleWeights !== undefined,
    requireFit({ targets: given, columns = {} }) {
      const came = given ? sizeOf(given.shape) : 1
      if (kind !== 'own' && came !== targets) {
        const shown = given ? `targets of shape [${given.shape}]` : 'one label each'
        const expected = targets === 1 ? 'one number' : `${targets} numbers`
        throw learnError('LEARN_OUTPUTS', { loss: name, expected, outputs: shape, came: shown })
      }
      for (const column of [...(exampleWeights === undefined ? [] : [exampleWeights]), ...(own?.columns ?? [])])
        requireColumn(columns, column)
    },
    read(examples, index, out, offset) {
      const { targets: given } = examples
      if (!given) {
        const label = examples.label(index)
        // The label itself, since float32 could round a wrong label to a class.
        check([label], index)
        out[offset] = label === masked ? -1 : label
        return
      }
      const length = sizeOf(given.shape)
      given.read(index, out, offset)
      const target = out.subarray(offset, offset + length)
      check(target, index)
      mask(target)
    },
    check,
    mask,
    weigh(examples, index, target, offset, out, at) {
      const factor = exampleWeights === undefined ? 1 : weightOf(examples, index, exampleWeights)
      let counted = 0
      for (let row = 0; row < rows; row++) if (kind !== 'classes' || target[offset + row]! >= 0) counted += 1
      for (let row = 0; row < rows; row++) {
        const label = target[offset + row]!
        const isMasked = kind === 'classes' && label < 0
        out[at + row] = isMasked ? 0 : (factor * (classWeights?.[label] ?? 1)) / counted
      }
    },
  }
}

function weightOf({ columns = {} }: Pick<Examples, 'columns'>, index: number, name: string): number {
  const weight = requireColumn(columns, name)(index)
  if (weight >= 0 && Number.isFinite(weight)) return weight
  const place = `in the column ${name} of weights, which must be from 0`
  throw learnError('LEARN_EXAMPLE', { what: 'example', index, value: weight, place })
}

/** @throws LEARN_COLUMN */
export function requireColumn(columns: Readonly<Record<string, Column>>, name: string): Column {
  const column = columns[name]
  if (column) return column
  throw learnError('LEARN_COLUMN', { name, known: Object.keys(columns).join(', ') || 'none' })
}

/** Checks the targets of all examples. LEARN_OUTPUTS, LEARN_COLUMN, LEARN_LABEL for the first target that doesn't fit. */
export function checkTargets(fitted: FittedLoss, examples: Examples): void {
  fitted.requireFit(examples)
  const target = new Float32Array(targetsIn(fitted, examples))
  for (let index = 0; index < examples.count; index++) fitted.read(examples, index, target, 0)
}

/** Number of values of a target of these examples. */
export function targetsIn({ loss, targets }: Pick<FittedLoss, 'loss' | 'targets'>, examples: Examples): number {
  return loss.targets === 'own' && examples.targets ? sizeOf(examples.targets.shape) : targets
}
