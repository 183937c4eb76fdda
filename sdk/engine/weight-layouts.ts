import type { InitializerSpec } from '../learn/initializer.ts'
import type { Kernels } from './kernels.ts'
import { type Plan, paddedTo8 } from './plan.ts'

/** A matrix of weights in panels of 8 columns, with its bias, for the products of assembly/products/product.ts. */
export interface PanelWeights {
  readonly kernel: number
  readonly bias: number
  readonly panelBytes: number
  readonly panels: number
}

interface PanelWeightsRequest {
  readonly name: string
  /** The shape in the model. The last dimension are the columns. */
  readonly shape: readonly number[]
  /** For each row-major row of the kernel, its row in the panels. */
  readonly places: ArrayLike<number>
  /** Number of rows of the panels. Rows without a row of the kernel stay zero. */
  readonly rows: number
  readonly kernelInitializer: InitializerSpec
  /** Absent: the layer has no bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/**
 * Weights of a plan by name: a layer that is used again takes those of its first use. The second use of a name by another
 * layer isn't meant: the layers' names must differ.
 */
const panelsOf = new WeakMap<Plan, Map<string, PanelWeights>>()
const rowsOf = new WeakMap<Plan, Map<string, number>>()
const matricesOf = new WeakMap<Plan, Map<string, GateMatrix>>()

function named<Place>(places: WeakMap<Plan, Map<string, Place>>, plan: Plan, name: string, make: () => Place): Place {
  const known = places.get(plan) ?? new Map<string, Place>()
  places.set(plan, known)
  const found = plan.repeating ? known.get(name) : undefined
  if (found !== undefined) {
    plan.apart = true
    return found
  }
  const place = make()
  known.set(name, place)
  return place
}

/** The address of rows of channels by name, if a layer before has made them. */
export function rowsNamed(plan: Plan, name: string): number | undefined {
  return rowsOf.get(plan)?.get(name)
}

/** Offset between panels, so that their rows don't compete for the same lines of the processor's caches. */
export const skewBytes = 64

/** A transposed copy of a kernel, for products from gradients of outputs to gradients of inputs. */
export interface TurnedPanels extends Pick<PanelWeights, 'kernel' | 'panelBytes' | 'panels'> {
  /** Copies the kernel as it is now. */
  turn(kernels: Kernels): void
}

/** Allocates a transposed copy. `inputs` and `outputs` are padded; windows have as many positions as pixels. */
export function turnedPanels(
  plan: Plan,
  source: Pick<PanelWeights, 'kernel' | 'panelBytes'>,
  {
    positions = 1,
    inputs,
    outputs,
  }: { readonly positions?: number; readonly inputs: number; readonly outputs: number },
): TurnedPanels {
  const panels = inputs / 8
  const panelBytes = 32 * positions * outputs + skewBytes
  const kernel = plan.allocate(panels * panelBytes)
  return {
    kernel,
    panelBytes,
    panels,
    turn: (kernels) => kernels.turn(source.kernel, source.panelBytes, positions, inputs, outputs, kernel, panelBytes),
  }
}

/**
 * Allocates a layer's kernel and bias among the trained weights. A layer without a bias gets zeros that training
 * doesn't move.
 */
export function panelWeights(plan: Plan, request: PanelWeightsRequest): PanelWeights {
  return named(panelsOf, plan, request.name, () => newPanels(plan, request))
}

function newPanels(
  plan: Plan,
  { name, shape, places, rows, kernelInitializer, biasInitializer }: PanelWeightsRequest,
): PanelWeights {
  const columns = shape.at(-1) ?? 1
  const panels = paddedTo8(columns) / 8
  const panelBytes = 32 * rows + skewBytes
  const kernel = plan.trained(panels * panelBytes)
  const bias = biasInitializer ? plan.trained(32 * panels) : plan.allocate(32 * panels)
  const table = plan.table(places)
  plan.weights.push({
    name: `${name}/kernel`,
    shape,
    initializer: kernelInitializer,
    trained: true,
    rows: places.length,
    place: { address: kernel, bytes: panels * panelBytes },
    load: (kernels, source, from, count) => kernels.pack(source, count, columns, table + 4 * from, kernel, panelBytes),
    save: (kernels, target, from, count) =>
      kernels.unpack(kernel, panelBytes, count, columns, table + 4 * from, target),
  })
  if (biasInitializer) {
    plan.weights.push({
      name: `${name}/bias`,
      shape: [columns],
      initializer: biasInitializer,
      trained: true,
      rows: 1,
      place: { address: bias, bytes: 32 * panels },
      load: (kernels, source) => kernels.copyRows(source, 0, bias, 0, 1, 4 * columns),
      save: (kernels, target) => kernels.copyRows(bias, 0, target, 0, 1, 4 * columns),
    })
  }
  return { kernel, bias, panelBytes, panels }
}

interface ChannelWeightsRequest {
  /** The layer's and the weight's name. */
  readonly name: string
  /** The shape in the model: rows of channels. */
  readonly shape: readonly number[]
  readonly rows: number
  readonly channels: number
  readonly initializer: InitializerSpec
  readonly trained: boolean
}

/** Allocates rows of channels, each padded with zeros as in tensors, and returns the address. */
export function channelWeights(plan: Plan, request: ChannelWeightsRequest): number {
  return named(rowsOf, plan, request.name, () => newRows(plan, request))
}

function newRows(plan: Plan, request: ChannelWeightsRequest): number {
  const { name, shape, rows, channels, initializer, trained } = request
  const pitch = 4 * paddedTo8(channels)
  const bytes = 4 * channels
  const address = trained ? plan.trained(rows * pitch) : plan.allocate(rows * pitch)
  plan.weights.push({
    name,
    shape,
    initializer,
    trained,
    rows,
    place: { address, bytes: rows * pitch },
    load(kernels, source, from, count) {
      const start = address + from * pitch
      // A diverged training has left NaN in the padding, too.
      kernels.fill(start, 0, (count * pitch) / 4)
      kernels.copyRows(source, bytes, start, pitch, count, bytes)
    },
    save: (kernels, target, from, count) =>
      kernels.copyRows(address + from * pitch, pitch, target, bytes, count, bytes),
  })
  return address
}

/** A recurrent layer's matrix in panels of 8 columns. Each gate's columns begin a panel. */
export interface GateMatrix {
  readonly address: number
  readonly panelBytes: number
}

interface GateMatrixRequest {
  /** The layer's and the weight's name. */
  readonly name: string
  readonly inputs: number
  /** Number of rows of the panels, at least `inputs`. */
  readonly rows: number
  readonly units: number
  readonly gates: number
  readonly initializer: InitializerSpec
}

/** Allocates a trained matrix [inputs, gates · units]. */
export function gateMatrix(plan: Plan, request: GateMatrixRequest): GateMatrix {
  return named(matricesOf, plan, request.name, () => newMatrix(plan, request))
}

function newMatrix(plan: Plan, { name, inputs, rows, units, gates, initializer }: GateMatrixRequest): GateMatrix {
  const panelBytes = 32 * rows + skewBytes
  const bytes = ((gates * paddedTo8(units)) / 8) * panelBytes
  const address = plan.trained(bytes)
  plan.weights.push({
    name,
    shape: [inputs, gates * units],
    initializer,
    trained: true,
    rows: inputs,
    place: { address, bytes },
    load: (kernels, source, from, count) =>
      kernels.packGates(source, count, units, gates, address + 32 * from, panelBytes),
    save: (kernels, target, from, count) =>
      kernels.unpackGates(address + 32 * from, panelBytes, count, units, gates, target),
  })
  return { address, panelBytes }
}

interface GateRowRequest extends Pick<GateMatrixRequest, 'name' | 'units' | 'gates'> {
  readonly initializer: InitializerSpec | undefined
}

/** Allocates a trained row of `gates` · `units` values, each gate padded; without an initializer zeros, which stay. */
export function gateRow(plan: Plan, request: GateRowRequest): number {
  return named(rowsOf, plan, request.name, () => newGateRow(plan, request))
}

function newGateRow(plan: Plan, { name, units, gates, initializer }: GateRowRequest): number {
  const pitch = 4 * paddedTo8(units)
  if (!initializer) return plan.allocate(gates * pitch)
  const address = plan.trained(gates * pitch)
  plan.weights.push({
    name,
    shape: [gates * units],
    initializer,
    trained: true,
    rows: 1,
    place: { address, bytes: gates * pitch },
    load: (kernels, source) => kernels.copyRows(source, 4 * units, address, pitch, gates, 4 * units),
    save: (kernels, target) => kernels.copyRows(address, pitch, target, 4 * units, gates, 4 * units),
  })
  return address
}
