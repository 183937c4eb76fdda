import type { Examples } from '../data/examples.ts'
import { type EngineModel, engineModel, engineParts, fusedProducts, recordModel } from '../engine/index.ts'
import { columnsOf, writeColumns } from '../learn/columns.ts'
import { learnError } from '../learn/errors.ts'
import { checkTargets, fittedLoss } from '../learn/fitted-loss.ts'
import { gradientSteps } from '../learn/gradient-steps.ts'
import {
  type Learner,
  type LossGradients,
  type ModelParts,
  type PartPass,
  type Products,
  partAfterParties,
  partOfParty,
} from '../learn/learner.ts'
import { localTraining } from '../learn/local-training.ts'
import { type Loss, type LossChoice, lossOf } from '../learn/loss.ts'
import { modelError } from '../learn/model-errors.ts'
import { checkSteps, type Steps } from '../learn/steps.ts'
import { type Layout, layoutOf, sizeOf } from '../weights/layout.ts'
import { layersError } from './errors.ts'
import type { ModelFunction } from './layers-learner.ts'

export interface VerticalLearnerSettings extends Steps {
  /**
   * The model of each party, from its own features to the values that it sends on. The first party has the labels, and
   * may have no features and no model. The others are in the order of their ends' names.
   */
  readonly parties: readonly (ModelFunction | undefined)[]
  /** The label holder's further model, whose input is the values of all parties side by side, in their order. */
  readonly top: ModelFunction
  /** As for `layersLearner`, except losses that need columns of the examples, or are one's own. */
  readonly loss: LossChoice
}

/** One model of the joint model, with its range of the weights. */
interface Piece {
  readonly model: EngineModel
  readonly parts: ModelParts
  readonly inputs: number
  readonly start: number
  readonly end: number
  /** Range among the values of all parties, side by side. */
  readonly from: number
  readonly to: number
}

/** Number of examples in a pass, where the batch isn't larger. */
const usualBatch = 100

/**
 * Makes a learner of a model that several parties train jointly, each on its own columns of one table: values = f_k(own
 * columns) at each party, and loss(g(values of all)) at the party that has the labels. It runs on the engine. `train` and
 * `evaluate` take examples with the columns of all parties side by side, for comparisons with the joint training.
 *
 * @throws LEARN_SETTING, LEARN_ENGINE_MODEL, LEARN_LAST_ACTIVATION; LEARN_STEPWISE with `clipNorm`; LEARN_PARTIES for a
 *   top model that doesn't take the values of all parties.
 */
export function verticalLearner({ parties, top, loss: lossName, ...steps }: VerticalLearnerSettings): Learner {
  checkSteps(steps)
  const { begin, step } = gradientSteps(steps)
  const loss = lossOf(lossName)
  if (loss.own || loss.exampleWeights !== undefined) {
    const expected = 'a loss of the outputs and targets alone, since parties pass on no columns'
    throw learnError('LEARN_SETTING', { name: 'loss', expected, value: loss.name })
  }
  const models = parties.map((party) => party && modelOf(party))
  const head = modelOf(top, loss)
  const [width, values] = [sizeOf(head.graph.inputShape), sum(models.map((model) => model?.outputs ?? 0))]
  if (width !== values) throw layersError('LEARN_PARTIES', { came: width, expected: values, parties: parties.length })

  const batch = Math.max(steps.batch, usualBatch)
  const fitted = fittedLoss(loss, head.outputShape)
  const layouts: Layout[] = []
  const pieces: (Piece | undefined)[] = []
  let [start, from] = [0, 0]
  const place = (model: EngineModel, parts: ModelParts): Piece => {
    const { layout, graph, outputs } = model
    const piece = {
      model,
      parts,
      inputs: sizeOf(graph.inputShape),
      start,
      end: start + layout.size,
      from,
      to: from + outputs,
    }
    start = piece.end
    return piece
  }
  let last: Piece | undefined
  for (const [party, model] of models.entries()) {
    const piece = model && place(model, engineParts(model, undefined, batch))
    pieces.push(piece)
    from = piece?.to ?? from
    const own = model ? named(`party-${party}`, model.layout) : []
    if (party > 0) layouts.push(layoutOf(own))
    else {
      last = place(head, engineParts({ ...head, graph: { ...head.graph, inputGradient: true } }, fitted, batch))
      layouts.push(layoutOf([...own, ...named('top', head.layout)]))
    }
  }
  if (!last) throw layersError('LEARN_PARTIES', { came: width, expected: values, parties: 0 })
  const topPiece = last
  const layout = layoutOf(layouts.flatMap(({ tensors }) => tensors))
  const inputSize = sum(pieces.map((piece) => piece?.inputs ?? 0))

  /** The piece of a part. Undefined for a party without features. */
  function pieceOf({ part }: PartPass): Piece | undefined {
    if (part.after === partAfterParties.after && part.through === undefined) return topPiece
    const party = parties.findIndex(
      (_, index) => part.after === undefined && part.through === partOfParty(index).through,
    )
    if (party >= 0) return pieces[party]
    const known = [
      ...parties.map((_, index) => `through ${partOfParty(index).through}`),
      `after ${partAfterParties.after}`,
    ]
    const asked = `after ${part.after ?? 'the input'} and through ${part.through ?? 'the output'}`
    throw modelError('LEARN_PART', { part: asked, reason: 'it is cut between parties alone', layers: known.join(', ') })
  }

  const within = (pass: PartPass, { start, end }: Piece): PartPass => ({
    ...pass,
    part: {},
    weights: pass.weights.subarray(start, end),
  })
  const whole = (gradient: Float32Array, { start }: Piece) => {
    const all = new Float32Array(layout.size)
    all.set(gradient, start)
    return all
  }
  const none = { gradient: new Float32Array(layout.size), inputs: new Float32Array() }
  const parts: ModelParts = {
    async forward(pass) {
      const piece = pieceOf(pass)
      return piece ? piece.parts.forward(within(pass, piece)) : new Float32Array()
    },
    async backward(pass, gradient) {
      const piece = pieceOf(pass)
      if (!piece) return none
      const found = await piece.parts.backward(within(pass, piece), gradient)
      return { ...found, gradient: whole(found.gradient, piece) }
    },
    async loss(pass, labels) {
      const piece = pieceOf(pass) ?? topPiece
      const found = await piece.parts.loss(within(pass, piece), labels)
      return { ...found, gradient: whole(found.gradient, piece) }
    },
  }

  /** The loss, and the gradient of all weights, on examples with the columns of all parties. */
  async function jointly(
    weights: Float32Array,
    examples: Examples,
    indices: Uint32Array,
    { products = 'plain' }: { readonly products?: Products } = {},
  ): Promise<LossGradients> {
    const rows = new Float32Array(indices.length * inputSize)
    for (const [row, index] of indices.entries()) examples.read(index, rows, row * inputSize)
    const joined = new Float32Array(indices.length * values)
    const passes: (readonly [PartPass, Piece])[] = []
    let column = 0
    for (const [party, piece] of pieces.entries()) {
      if (!piece) continue
      const inputs = columnsOf(rows, inputSize, column, piece.inputs)
      column += piece.inputs
      const pass = { part: partOfParty(party), weights, inputs, examples: indices.length, products }
      passes.push([pass, piece])
      writeColumns(joined, values, piece.from, await parts.forward(pass), piece.model.outputs)
    }
    const labels = new Float32Array(indices.length * fitted.targets)
    for (const [row, index] of indices.entries()) fitted.read(examples, index, labels, row * fitted.targets)
    const found = await parts.loss(
      { part: partAfterParties, weights, inputs: joined, examples: indices.length, products },
      labels,
    )
    const { gradient } = found
    for (const [pass, { from, model, start, end }] of passes) {
      const back = await parts.backward(pass, columnsOf(found.inputs, values, from, model.outputs))
      gradient.set(back.gradient.subarray(start, end), start)
    }
    return found
  }

  return {
    layout,
    ownSteps: steps,
    runsOn: "the engine's WebAssembly kernels, party by party",
    abilities: ['work', 'start', 'parts'],
    fused: fusedProducts,
    sections: layouts.map((section, party) => ({
      layout: section,
      outputs: models[party]?.outputs ?? 0,
      ...sectionTopology(party === 0 ? (models[0] ? undefined : head) : models[party]),
    })),
    async initialWeights(random) {
      const weights = new Float32Array(layout.size)
      for (const piece of [...pieces, topPiece]) if (piece) weights.set(piece.model.initialWeights(random), piece.start)
      return weights
    },
    async train(request) {
      const training = localTraining(steps, layout, request)
      const own = training.steps === steps ? step : gradientSteps(training.steps).step
      let weights: Float32Array = training.start.slice()
      let state = begin(layout.size)
      let [seen, total, count] = [0, 0, 0]
      for (const { indices } of training.batches()) {
        request.signal?.throwIfAborted()
        const { gradient, loss } = await jointly(weights, request.examples, indices, request)
        ;({ weights, state } = own(weights, gradient, state))
        seen += indices.length
        total += loss * indices.length
        count += 1
      }
      const delta = training.deltaOf(weights)
      return { delta, samples: request.examples.count, steps: count, metrics: { loss: total / seen } }
    },
    async evaluate(weights, examples, options) {
      checkTargets(fitted, examples)
      const all = Uint32Array.from({ length: examples.count }, (_, index) => index)
      const { loss, correct } = await jointly(weights, examples, all, options)
      const accuracy = correct === undefined ? {} : { accuracy: correct / examples.count }
      return { samples: examples.count, metrics: { loss, ...accuracy } }
    },
    parts,
  }
}

function modelOf(build: ModelFunction, loss?: Loss): EngineModel {
  const recording = recordModel(build)
  if ('cause' in recording) throw modelError('LEARN_ENGINE_MODEL', { reason: recording.cause.message })
  const model = engineModel(recording.topology, loss)
  const normalizer = model.graph.layers.find(({ className }) => className === 'BatchNormalization')
  if (!normalizer) return model
  const reason = `layer ${normalizer.name} keeps means of batches, which no party moves: use groupNormalization`
  throw modelError('LEARN_ENGINE_MODEL', { reason })
}

function sectionTopology(model: EngineModel | undefined): { readonly modelTopology?: unknown } {
  return model ? { modelTopology: model.topology } : {}
}

function named(prefix: string, { tensors }: Layout) {
  return tensors.map(({ name, shape }) => ({ name: `${prefix}/${name}`, shape }))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
