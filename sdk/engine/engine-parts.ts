import { learnError } from '../learn/errors.ts'
import type { FittedLoss } from '../learn/fitted-loss.ts'
import type { ModelPart, ModelParts, PartGradients, PartPass } from '../learn/learner.ts'
import { modelError } from '../learn/model-errors.ts'
import { type Layout, sizeOf, tensorViews } from '../weights/layout.ts'
import { compile } from './compile.ts'
import { type Engine, engine, inLayoutOrder } from './engine.ts'
import { engineLoss } from './engine-loss.ts'
import { isOfGraph, type LayerGraph, type LayerNode, layerOf, modelInput } from './model/layer-graph.ts'
import { type Pass, type Tensor, tensorSize } from './plan.ts'
import { moduleOf } from './products/product-modules.ts'

/** The model whose parts run. */
interface WholeModel {
  /** Ends with the loss's input. */
  readonly graph: LayerGraph
  readonly layout: Layout
  /** An activation after the graph's output, which the loss applies. */
  readonly lastActivation: { readonly layer: string } | undefined
  /** Names of the weights that steps move. */
  readonly trained: ReadonlySet<string>
}

/** A part of a model with its own engine. */
interface RunningPart {
  readonly engine: Engine
  /** Names of the part's weights, in the order in which its engine loads and saves them. */
  readonly names: readonly string[]
  readonly size: number
  readonly inputs: number
  /** Whether the part ends with the model's output. */
  readonly isLast: boolean
}

/** Work on one batch of a pass. `from` is the index of the batch's first example. */
type BatchWork = (pass: Pass, from: number) => void

/**
 * Passes through parts of a model. Each part gets its engine at its first pass. A pass whose activations exceed the
 * memory is split into batches. Moving statistics of batch normalizations don't change.
 */
export function engineParts(model: WholeModel, fitted: FittedLoss | undefined, batch: number): ModelParts {
  const lossOf = fitted && !fitted.loss.own ? engineLoss(fitted) : undefined
  const parts = new Map<string, RunningPart>()
  /** The part, ready for passes with these products until the next `await`. */
  const running = (part: ModelPart, products: WebAssembly.Module) => {
    const key = JSON.stringify([part.after, part.through])
    const found = parts.get(key) ?? runningPart(model, part, batch, fitted)
    parts.set(key, found)
    found.engine.use(products)
    return found
  }
  return {
    async forward(request) {
      const { engine, ...part } = running(request.part, await moduleOf(request.products))
      const values = new Float32Array(request.examples * engine.outputs)
      const target = { gradientShift: 0, gradientScale: 0 }
      inBatches(model, { engine, ...part }, request, target, ({ batch }, from) => {
        copyRows(engine, engine.output.value, engine.output, batch, (row, view) => {
          values.set(view.subarray(0, engine.outputs), (from + row) * engine.outputs)
        })
      })
      return values
    },
    async backward(request, gradient) {
      const part = running(request.part, await moduleOf(request.products))
      const { engine } = part
      const expected = request.examples * engine.outputs
      if (gradient.length !== expected) {
        throw learnError('LEARN_WEIGHTS', {
          what: "the gradient of the part's outputs",
          expected,
          came: gradient.length,
        })
      }
      return gradientsOf(model, part, request, ({ batch }, from) => {
        copyRows(engine, engine.output.gradient, engine.output, batch, (row, view) => {
          view.fill(0)
          view.set(gradient.subarray((from + row) * engine.outputs, (from + row + 1) * engine.outputs))
        })
      })
    },
    async loss(request, labels) {
      const part = running(request.part, await moduleOf(request.products))
      const { engine } = part
      if (!part.isLast || !fitted) throw partError(model, request.part, "it doesn't end with the model's output")
      const { loss: asked, targets: perExample, rows } = fitted
      if (!lossOf || asked.exampleWeights !== undefined) {
        const reason = `the loss ${asked.name} needs the whole examples, and a part has their targets alone`
        throw partError(model, request.part, reason)
      }
      const expected = request.examples * perExample
      if (labels.length !== expected)
        throw learnError('LEARN_WEIGHTS', { what: 'the labels', expected, came: labels.length })
      for (let index = 0; index < request.examples; index++)
        fitted.check(labels.subarray(index * perExample, (index + 1) * perExample), index)
      let total = 0
      let right: number | undefined
      const gradients = gradientsOf(model, part, request, ({ batch }, from) => {
        const targets = engine.targets.subarray(0, batch * perExample)
        targets.set(labels.subarray(from * perExample, (from + batch) * perExample))
        fitted.mask(targets)
        if (!lossOf.isPlain)
          for (let row = 0; row < batch; row++)
            fitted.weigh({}, row, targets, row * perExample, engine.weights, row * rows)
        const { loss, correct } = engine.loss(lossOf, batch, 1 / request.examples)
        total += loss
        if (correct !== undefined) right = (right ?? 0) + correct
      })
      return { ...gradients, loss: total / request.examples, ...(right !== undefined && { correct: right }) }
    },
  }
}

/** Runs all batches forward and backward. `begin` writes the gradient of a batch's outputs. */
function gradientsOf(model: WholeModel, part: RunningPart, request: PartPass, begin: BatchWork): PartGradients {
  const { engine, names, size } = part
  const { trained, kernels, input, wholeBatchFor } = engine
  if (!request.random && wholeBatchFor !== undefined) {
    const expected = `the stream of a training pass, since layer ${wholeBatchFor} has a backward pass only in training`
    throw learnError('LEARN_SETTING', { name: 'random', expected, value: undefined })
  }
  const [place = 0] = engine.places(1)
  kernels.fill(place, 0, trained.bytes / 4)
  const hasInputs = input.gradient !== 0
  const inputs = new Float32Array(hasInputs ? request.inputs.length : 0)
  const target = { gradientShift: place - trained.address, gradientScale: 1 }
  inBatches(model, part, request, target, (pass, from) => {
    begin(pass, from)
    engine.backward(pass)
    if (!hasInputs) return
    copyRows(engine, input.gradient, input, pass.batch, (row, view) => {
      inputs.set(view.subarray(0, part.inputs), (from + row) * part.inputs)
    })
  })
  const gradient = new Float32Array(model.layout.size)
  if (trained.bytes > 0) {
    // Saving converts the gradients, as weights, to the layout's arrangement. Weights that aren't trained have no
    // gradient.
    kernels.copyRows(place, trained.bytes, trained.address, trained.bytes, 1, trained.bytes)
    const saved = engine.save(new Float32Array(size))
    const views = tensorViews(model.layout, gradient)
    let from = 0
    for (const name of names) {
      const view = views.get(name) ?? new Float32Array()
      if (model.trained.has(name)) view.set(saved.subarray(from, from + view.length))
      from += view.length
    }
  }
  return { gradient, inputs }
}

function inBatches(
  { layout }: WholeModel,
  { engine, names, size, inputs }: RunningPart,
  { weights, inputs: given, examples, random }: PartPass,
  target: Pick<Pass, 'gradientShift' | 'gradientScale'>,
  work: BatchWork,
): void {
  if (weights.length !== layout.size) {
    throw learnError('LEARN_WEIGHTS', { what: 'the weights', expected: layout.size, came: weights.length })
  }
  if (examples < 1) throw learnError('LEARN_EMPTY', { purpose: 'pass' })
  if (given.length !== examples * inputs) {
    throw learnError('LEARN_WEIGHTS', { what: "the part's inputs", expected: examples * inputs, came: given.length })
  }
  if (random && engine.wholeBatchFor !== undefined && examples > engine.capacity) {
    const expected = `at most ${engine.capacity}, since layer ${engine.wholeBatchFor} normalizes over a whole batch`
    throw learnError('LEARN_SETTING', { name: 'examples', expected, value: examples })
  }
  const views = tensorViews(layout, weights)
  const own = new Float32Array(size)
  let next = 0
  for (const name of names) {
    const view = views.get(name) ?? new Float32Array()
    own.set(view, next)
    next += view.length
  }
  engine.load(own)
  for (let from = 0; from < examples; from += engine.capacity) {
    const batch = Math.min(engine.capacity, examples - from)
    copyRows(engine, engine.input.value, engine.input, batch, (row, view) => {
      view.fill(0)
      view.set(given.subarray((from + row) * inputs, (from + row + 1) * inputs))
    })
    const seed = random && engine.seeded ? random.uint32() : 0
    const pass: Pass = { batch, training: random !== undefined, seed, ...target }
    engine.forward(pass)
    work(pass, from)
  }
}

/** Calls `copy` for each example's values at an address, with their padding. */
function copyRows(
  { floats }: Engine,
  address: number,
  tensor: Tensor,
  examples: number,
  copy: (row: number, view: Float32Array) => void,
): void {
  if (address === 0) return
  const size = tensorSize(tensor)
  for (let row = 0; row < examples; row++) copy(row, floats(address + 4 * row * size, size))
}

function runningPart(model: WholeModel, part: ModelPart, batch: number, fitted: FittedLoss | undefined): RunningPart {
  const { graph } = model
  const { shapes } = compile(graph, { batch: 1, trainedBytes: 0, inRows: true })
  const own = partGraph(model, part, shapes)
  const slots = inLayoutOrder(compile(own, { batch: 1, trainedBytes: 0 }).slots)
  const isLast = own.output === graph.output
  const made = engine({ graph: own, batch, fitted: isLast ? fitted : undefined })
  const [ruled] = made.rules.layers
  if (ruled !== undefined) {
    throw partError(
      model,
      part,
      `layer ${ruled} has a regularizer or a constraint, which passes through parts leave out`,
    )
  }
  return {
    engine: made,
    names: slots.map(({ name }) => name),
    size: slots.reduce((size, { shape }) => size + sizeOf(shape), 0),
    inputs: sizeOf(own.inputShape),
    isLast,
  }
}

/** The part as a model of its own, with vectors as input and output. */
function partGraph(model: WholeModel, part: ModelPart, shapes: ReadonlyMap<string, readonly number[]>): LayerGraph {
  const { graph, lastActivation } = model
  const byName = new Map(graph.layers.map((layer) => [layer.name, layer]))
  const through = part.through === undefined || part.through === lastActivation?.layer ? graph.output : part.through
  for (const name of [part.after, through]) {
    if (name !== undefined && !byName.has(name)) throw partError(model, part, `there is no layer ${name}`)
  }
  const needed = new Set<string>()
  const visit = (name: string) => {
    if (name === part.after || needed.has(name)) return
    const layer = byName.get(name)
    if (!layer) {
      if (part.after === undefined) return
      throw partError(model, part, `not all inputs of layer ${through} pass through layer ${part.after}`)
    }
    needed.add(name)
    for (const input of layer.inputs) visit(input)
  }
  visit(through)
  if (needed.size === 0) throw partError(model, part, `no layer lies after ${part.after} and up to ${through}`)
  const inPart = new Set(graph.layers.flatMap((layer) => (needed.has(layer.name) ? [layerOf(layer)] : [])))
  const cut = graph.layers.find(
    (layer) => !needed.has(layer.name) && inPart.has(layerOf(layer)) && hasWeights(model, layer),
  )
  if (cut)
    throw partError(model, part, `layer ${layerOf(cut)}, which is used several times, lies within it and outside`)

  const layers: LayerNode[] = []
  const shape = part.after === undefined ? graph.inputShape : (shapes.get(part.after) ?? [])
  const begin = shape.length === 1 || part.after === undefined ? modelInput : `${part.after}/shaped`
  if (begin !== modelInput) {
    layers.push({
      name: begin,
      className: 'Reshape',
      config: { name: begin, target_shape: shape },
      inputs: [modelInput],
    })
  }
  for (const layer of graph.layers) {
    if (!needed.has(layer.name)) continue
    const inputs = layer.inputs.map((input) => (input === part.after || input === modelInput ? begin : input))
    layers.push({ ...layer, inputs })
  }
  let output = through
  if (shapes.get(through)?.length !== 1) {
    output = `${through}/flat`
    layers.push({ name: output, className: 'Flatten', config: { name: output }, inputs: [through] })
  }
  const inputShape = part.after === undefined ? shape : [sizeOf(shape)]
  return { inputShape, layers, output, inputGradient: part.after !== undefined || graph.inputGradient === true }
}

function hasWeights({ layout }: WholeModel, layer: LayerNode): boolean {
  return layout.tensors.some(({ name }) => name.startsWith(`${layerOf(layer)}/`))
}

function partError({ graph }: WholeModel, { after, through }: ModelPart, reason: string): Error {
  const part = `after ${after ?? "the model's input"} and through ${through ?? "the model's output"}`
  return modelError('LEARN_PART', {
    part,
    reason,
    layers: graph.layers.flatMap((layer) => (isOfGraph(layer) ? [] : [layer.name])).join(', '),
  })
}
