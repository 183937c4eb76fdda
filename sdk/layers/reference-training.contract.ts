import type { Examples } from '../data/examples.ts'
import type { LocalTerms, TrainingRequest } from '../learn/learner.ts'
import type { Steps } from '../learn/steps.ts'

/** Sizes of the reference's model: dense with relu, dense, softmax cross-entropy. */
export const inputs = 5
export const hidden = 6
export const classes = 3

const sizes = [inputs * hidden, hidden, hidden * classes, classes]

/** The expected delta of a training of the model, computed in float64 as plainly as possible. */
export function referenceDelta(settings: Steps, request: TrainingRequest): Float64Array {
  const { weights, examples, random, terms = {}, work = {}, trainable = [] } = request
  const steps = { ...settings, ...work }
  const start = Float64Array.from(request.start ?? weights)
  const centre = Float64Array.from(request.centre ?? weights)
  const w = Float64Array.from(start)
  const mask = sizes.flatMap((size, tensor) => Array.from({ length: size }, () => trainable[tensor] !== false))
  const masked = (gradient: Float64Array) => gradient.map((value, i) => (mask[i] ? value : 0))
  const move = optimizer(steps, w)
  const order = Uint32Array.from({ length: examples.count }, (_, index) => index)
  let left = work.steps ?? Number.POSITIVE_INFINITY
  for (let epoch = 0; work.steps ? left > 0 : epoch < steps.epochs; epoch++) {
    random.shuffle(order)
    for (let from = 0; from < order.length && left > 0; from += steps.batch, left--) {
      const batch = [...order.subarray(from, from + steps.batch)]
      const gradients = batch.map((index) => gradientAt(w, examples, index))
      const mean = meanOf(gradients.map((gradient) => cut(masked(gradient), terms.exampleClip)))
      move(clipped(steps, masked(withTerms(mean, w, centre, terms))))
      for (const [i, isTrained] of mask.entries()) if (!isTrained) w[i] = at(start, i)
    }
  }
  return w.map((value, i) => value - at(request.base ?? weights, i))
}

function optimizer(steps: Steps, w: Float64Array): (gradient: Float64Array) => void {
  const { learningRate, optimizer = 'sgd', momentum = 0, nesterov = false, weightDecay = 0 } = steps
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = steps
  const [first, second] = [new Float64Array(w.length), new Float64Array(w.length)]
  let t = 0
  return (gradient) => {
    t++
    for (const i of w.keys()) {
      const g = at(gradient, i) + (optimizer === 'adamw' ? 0 : weightDecay * at(w, i))
      if (optimizer === 'sgd') {
        first[i] = momentum * at(first, i) + g
        w[i] = at(w, i) - learningRate * (nesterov ? g + momentum * at(first, i) : at(first, i))
      } else {
        if (optimizer === 'adamw') w[i] = at(w, i) * (1 - learningRate * weightDecay)
        first[i] = beta1 * at(first, i) + (1 - beta1) * g
        second[i] = beta2 * at(second, i) + (1 - beta2) * g * g
        const [m, v] = [at(first, i) / (1 - beta1 ** t), at(second, i) / (1 - beta2 ** t)]
        w[i] = at(w, i) - (learningRate * m) / (Math.sqrt(v) + epsilon)
      }
    }
  }
}

function withTerms(gradient: Float64Array, w: Float64Array, start: Float64Array, terms: LocalTerms): Float64Array {
  const { proximal = 0, dynamic = { alpha: 0 }, correction = [] } = terms
  return gradient.map((value, i) => {
    const moved = at(w, i) - at(start, i)
    return value + (proximal + dynamic.alpha) * moved - at(dynamic.gradient ?? [], i) + at(correction, i)
  })
}

function clipped({ clipNorm, clipValue }: Steps, gradient: Float64Array): Float64Array {
  if (clipValue !== undefined) return gradient.map((value) => Math.max(-clipValue, Math.min(clipValue, value)))
  return cut(gradient, clipNorm)
}

function cut(gradient: Float64Array, most = Number.POSITIVE_INFINITY): Float64Array {
  const norm = Math.hypot(...gradient)
  return norm > most ? gradient.map((value) => (value * most) / norm) : gradient
}

function meanOf(gradients: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(gradients[0]?.length ?? 0)
  for (const gradient of gradients) for (const [i, value] of gradient.entries()) sum[i] = at(sum, i) + value
  return sum.map((value) => value / gradients.length)
}

/** The loss of each example with these weights, in float64. */
export function referenceLosses(weights: Float32Array, examples: Examples): Float64Array {
  const w = Float64Array.from(weights)
  return Float64Array.from({ length: examples.count }, (_, index) => {
    const { z } = forward(w, examples, index)
    const total = z.reduce((sum, value) => sum + Math.exp(value), 0)
    return Math.log(total) - at(z, examples.label(index))
  })
}

function gradientAt(w: Float64Array, examples: Examples, index: number): Float64Array {
  const { x, h, z, k2 } = forward(w, examples, index)
  const total = z.reduce((sum, value) => sum + Math.exp(value), 0)
  const dz = z.map((value, o) => Math.exp(value) / total - Number(o === examples.label(index)))
  const dh = h.map((value, j) => (value > 0 ? dz.reduce((sum, d, o) => sum + d * at(k2, j * classes + o), 0) : 0))

  const gradient = new Float64Array(w.length)
  const [dk1, db1, dk2, db2] = split(gradient)
  for (const i of dk1.keys()) dk1[i] = at(x, Math.floor(i / hidden)) * at(dh, i % hidden)
  for (const i of dk2.keys()) dk2[i] = at(h, Math.floor(i / classes)) * at(dz, i % classes)
  db1.set(dh)
  db2.set(dz)
  return gradient
}

function forward(w: Float64Array, examples: Examples, index: number) {
  const x = new Float32Array(inputs)
  examples.read(index, x, 0)
  const [k1, b1, k2, b2] = split(w)
  const h = b1.map((bias, j) =>
    Math.max(
      0,
      x.reduce((sum, value, i) => sum + value * at(k1, i * hidden + j), bias),
    ),
  )
  const z = b2.map((bias, o) => h.reduce((sum, value, j) => sum + value * at(k2, j * classes + o), bias))
  return { x, h, z, k2 }
}

function split(w: Float64Array): [Float64Array, Float64Array, Float64Array, Float64Array] {
  let next = 0
  const [k1 = w, b1 = w, k2 = w, b2 = w] = sizes.map((size) => w.subarray(next, (next += size)))
  return [k1, b1, k2, b2]
}

function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0
}
