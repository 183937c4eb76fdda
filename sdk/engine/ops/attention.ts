import { type InitializerSpec, initializerSpec } from '../../learn/initializer.ts'
import type { Kernels } from '../kernels.ts'
import { type Plan, paddedTo8, type Tensor, tensorSize } from '../plan.ts'
import { panelWeights } from '../weight-layouts.ts'
import { adapterInput } from './adapters.ts'
import { add, fanOut } from './elementwise.ts'
import { type Heads, headProjections } from './head-projection.ts'
import { rowProduct } from './row-product.ts'

export interface AttentionSettings {
  readonly name: string
  readonly heads: number
  /** Number of values of a head's query and key. */
  readonly keyDim: number
  readonly valueDim: number
  /** Number of channels of the output. */
  readonly outputs: number
  /** Whether a step attends only to itself and to the steps before it. */
  readonly causal: boolean
  /** Rate at which weights of the attention are left out in training. */
  readonly dropout: number
  readonly kernelInitializer: InitializerSpec
  /** Absent: the projections have no bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/** The steps that attend, and the steps to which they attend. The same tensor may be given several times. */
export interface AttentionInputs {
  readonly query: Tensor
  readonly value: Tensor
  readonly key: Tensor
}

/**
 * Attention of several heads: softmax(Q·Kᵀ/√keyDim)·V for each head, and a projection of all heads. Steps that the
 * value's mask calls padding have the weight 0; so have all steps for a step that may attend to none.
 *
 * @see Vaswani et al., Attention Is All You Need, NeurIPS 2017; weights as in Keras's MultiHeadAttention.
 */
export function attention(plan: Plan, settings: AttentionSettings, inputs: AttentionInputs): Tensor {
  const { name, heads, valueDim, outputs, biasInitializer } = settings
  const { query, key, value } = projected(plan, settings, inputs)
  const context = plan.tensor([query.tensor.pixels, heads * paddedTo8(valueDim)])
  plan.ops.push(attentionOp(plan, settings, { query, key, value, mask: inputs.value.mask ?? inputs.key.mask }, context))

  const weights = panelWeights(plan, {
    name: `${name}/attention_output`,
    shape: [heads, valueDim, outputs],
    places: Array.from(
      { length: heads * valueDim },
      (_, index) => Math.floor(index / valueDim) * paddedTo8(valueDim) + (index % valueDim),
    ),
    rows: context.pitch,
    kernelInitializer: settings.kernelInitializer,
    biasInitializer,
  })
  const y = plan.tensor([context.pixels, outputs])
  rowProduct(plan, { name, ...weights, hasBias: biasInitializer !== undefined }, context, y)
  return { ...y, mask: inputs.query.mask }
}

/** Projections of one tensor are one product. */
function projected(plan: Plan, settings: AttentionSettings, { query, key, value }: AttentionInputs) {
  const { name, keyDim, valueDim } = settings
  const parts = [
    { name: `${name}/query`, dim: keyDim, from: query },
    { name: `${name}/key`, dim: keyDim, from: key },
    { name: `${name}/value`, dim: valueDim, from: value },
  ]
  if (plan.adapters) return adaptedProjections(plan, settings, { query, key, value })
  const found: Heads[] = []
  for (let next = 0; next < parts.length; ) {
    const first = parts[next]?.from ?? query
    const rest = parts.slice(next)
    const others = rest.findIndex(({ from }) => !areSame(from, first))
    const together = others === -1 ? rest : rest.slice(0, others)
    for (const { from } of together) withoutGradient(plan, name, from, first)
    found.push(...headProjections(plan, { ...settings, parts: together }, first))
    next += together.length
  }
  const [queryHeads, keyHeads, valueHeads] = found
  if (!queryHeads || !keyHeads || !valueHeads) throw new TypeError('an attention has three projections')
  return { query: queryHeads, key: keyHeads, value: valueHeads }
}

/** Each projection by itself, and adapters of the queries' and the values' kernels, as Hu et al. 2022 have them. */
function adaptedProjections(plan: Plan, settings: AttentionSettings, { query, key, value }: AttentionInputs) {
  const { name, keyDim, valueDim } = settings
  const left = new Map<Tensor, Tensor[]>()
  const uses = [query, key, value, query, value]
  /** An input for one more consumer, with a gradient of its own. */
  const once = (x: Tensor) => {
    const views = left.get(x) ?? fanOut(plan, name, x, uses.filter((used) => used === x).length)
    left.set(x, views)
    return views.pop() ?? x
  }
  const projection = (part: string, dim: number, x: Tensor, given: Partial<AttentionSettings> = {}) => {
    const [heads] = headProjections(plan, { ...settings, ...given, parts: [{ name: `${name}/${part}`, dim }] }, x)
    if (!heads) throw new TypeError('a part has one projection')
    return heads
  }
  const adapted = (part: string, dim: number, x: Tensor): Heads => {
    const heads = projection(part, dim, once(x))
    const low = adapterInput(plan, `${name}/${part}`, once(x))
    const zeros = { kernelInitializer: initializerSpec('zeros'), biasInitializer: undefined }
    const { tensor } = projection(`${part}/lora_b`, dim, low, zeros)
    return { ...heads, tensor: add(plan, name, [heads.tensor, tensor]) }
  }
  return {
    query: adapted('query', keyDim, query),
    key: projection('key', keyDim, once(key)),
    value: adapted('value', valueDim, value),
  }
}

/** Whether two consumers have the same values in the same arrangement. */
function areSame(a: Tensor, b: Tensor): boolean {
  return a.value === b.value && a.pixels === b.pixels && a.channels === b.channels && a.pitch === b.pitch
}

/** Gives zeros to a consumer's own gradient of a tensor, since the first consumer's gradient has those of all. */
function withoutGradient(plan: Plan, name: string, { gradient, ...x }: Tensor, first: Tensor): void {
  if (gradient === 0 || gradient === first.gradient) return
  const size = tensorSize({ ...x, gradient })
  plan.ops.push({ name, forward: () => {}, backward: (kernels, { batch }) => kernels.fill(gradient, 0, batch * size) })
}

interface AttentionHeads {
  readonly query: Heads
  readonly key: Heads
  readonly value: Heads
  /** Address of the values' mask. */
  readonly mask: number | undefined
}

/**
 * The products of the heads, one example and one head after the other. Keys and values are copied into panels, since a
 * product takes one of its operands in panels.
 */
function attentionOp(
  plan: Plan,
  { name, heads, keyDim, causal, dropout }: AttentionSettings,
  { query, key, value, mask }: AttentionHeads,
  context: Tensor,
) {
  const [steps, keys] = [query.tensor.pixels, key.tensor.pixels]
  const width = paddedTo8(keys)
  const pitch = 4 * width
  const headBytes = steps * pitch
  const size = heads * steps * width
  const scale = 1 / Math.sqrt(keyDim)
  const weights = plan.allocate(4 * plan.batch * size)
  const kept = dropout > 0 ? plan.allocate(4 * size) : 0
  const gradients = plan.allocate(4 * size)
  const offsets = plan.table(Array.from({ length: steps }, (_, row) => row * pitch))
  const runs = plan.table([0, 0, 4 * keys])
  const panelBytes = 32 * width + 64
  const keyPanels = key.headBytes / 32
  const valuePanels = value.headBytes / 32
  const most = Math.max(keyPanels, valuePanels)
  const panels = plan.allocate(most * panelBytes)
  const sums = plan.allocate(most * panelBytes)
  const zeros = plan.allocate(32 * most)
  const contextPitch = 4 * context.pitch
  const layer = plan.ops.length
  const threshold = Math.round(dropout * 2 ** 32)
  const keep = 1 / (1 - dropout)

  /** Address of a head's values, or of their gradients, in an example. */
  const at = ({ tensor, offset, headBytes }: Heads, example: number, head: number, of: 'value' | 'gradient') =>
    tensor[of] + example * 4 * tensorSize(tensor) + offset + head * headBytes
  const contextAt = (example: number, head: number, of: 'value' | 'gradient') =>
    at({ tensor: context, offset: 0, headBytes: value.headBytes, dim: value.dim }, example, head, of)
  const rowBytes = ({ tensor }: Heads) => 4 * tensor.pitch
  const inPanels = (kernels: Kernels, from: Heads, example: number, head: number) =>
    kernels.packRows(at(from, example, head, 'value'), rowBytes(from), keys, from.headBytes / 32, panels, panelBytes)
  const dropped = (kernels: Kernels, from: number, to: number, seed: number, example: number) =>
    kernels.dropout(from, to, seed ^ Math.imul(example + 1, 0x9e3779b1), layer, threshold, keep, size)
  /** target = Σ over the steps of left · right, by keys. */
  const summed = (kernels: Kernels, left: number, right: number, rightPitch: number, to: Heads, target: number) => {
    const count = to.headBytes / 32
    kernels.fill(sums, 0, (count * panelBytes) / 4)
    kernels.weightGradient(left, pitch, 0, 1, steps, runs, 1, right, rightPitch, sums, panelBytes, count, 1)
    kernels.unpackRows(sums, panelBytes, keys, count, target, rowBytes(to))
  }

  return {
    name,
    seeded: dropout > 0,
    forward(kernels: Kernels, { batch, training, seed }: { batch: number; training: boolean; seed: number }) {
      for (let example = 0; example < batch; example++) {
        const first = weights + 4 * example * size
        for (let head = 0; head < heads; head++) {
          const scores = first + head * headBytes
          inPanels(kernels, key, example, head)
          const from = at(query, example, head, 'value')
          kernels.inputGradient(from, rowBytes(query), steps, panels, panelBytes, keyPanels, scores, pitch, width)
          const masked = mask === undefined ? 0 : mask + 4 * example * keys
          kernels.softmax(scores, scores, pitch, steps, keys, scale, Number(causal), masked)
        }
        const drops = training && dropout > 0
        if (drops) dropped(kernels, first, kept, seed, example)
        for (let head = 0; head < heads; head++) {
          const shares = (drops ? kept : first) + head * headBytes
          inPanels(kernels, value, example, head)
          const to = contextAt(example, head, 'value')
          kernels.forward(shares, offsets, steps, runs, 1, panels, panelBytes, valuePanels, zeros, to, contextPitch, 0)
        }
      }
    },
    backward(kernels: Kernels, { batch, training, seed }: { batch: number; training: boolean; seed: number }) {
      for (let example = 0; example < batch; example++) {
        const first = weights + 4 * example * size
        const drops = training && dropout > 0
        if (drops) dropped(kernels, first, kept, seed, example)
        for (let head = 0; head < heads; head++) {
          const offset = head * headBytes
          inPanels(kernels, value, example, head)
          const from = contextAt(example, head, 'gradient')
          const to = gradients + offset
          kernels.inputGradient(from, contextPitch, steps, panels, panelBytes, valuePanels, to, pitch, width)
          const shares = (drops ? kept : first) + offset
          summed(kernels, shares, from, contextPitch, value, at(value, example, head, 'gradient'))
        }
        if (drops) dropped(kernels, gradients, gradients, seed, example)
        for (let head = 0; head < heads; head++) {
          const slopes = gradients + head * headBytes
          kernels.softmaxGradient(first + head * headBytes, slopes, slopes, pitch, steps, scale)
          inPanels(kernels, key, example, head)
          const to = at(query, example, head, 'gradient')
          kernels.forward(slopes, offsets, steps, runs, 1, panels, panelBytes, keyPanels, zeros, to, rowBytes(query), 0)
          const from = at(query, example, head, 'value')
          summed(kernels, slopes, from, rowBytes(query), key, at(key, example, head, 'gradient'))
        }
      }
    },
  }
}
