import test from 'ava'
import { everyImageLayer, twoHiddenLayers } from '../../../test/support/reproducible-training.ts'
import { inMemoryExamples } from '../../data/in-memory-examples.ts'
import { fittedLoss } from '../../learn/fitted-loss.ts'
import { lossOf } from '../../learn/loss.ts'
import type { Steps } from '../../learn/steps.ts'
import { randomStream } from '../../random/random-stream.ts'
import { engine } from '../engine.ts'
import { engineBase64 } from '../engine-bytes.ts'
import { engineModel } from '../engine-learner.ts'
import { trainOnEngine } from '../engine-training.ts'
import { engineKernels, firstFreeAddress } from '../kernels.ts'
import { recordModel } from '../model/model-recorder.ts'
import { emulatedBase64 } from './emulated-bytes.ts'
import { fusedBase64 } from './fused-bytes.ts'
import { plainBase64 } from './plain-bytes.ts'
import { type ProductModule, platformFuses, productModule } from './product-modules.ts'
import { wideFusedBase64 } from './wide-fused-bytes.ts'
import { widePlainBase64 } from './wide-plain-bytes.ts'

/** Lanes of two panels, which share the first factor. */
const lanes = 16
const memory = new WebAssembly.Memory({ initial: 2 })
const [x, offsets, runs, weights, bias, out] = [0, 1, 2, 3, 5, 7].map((block) => firstFreeAddress + 64 * block)

/** x · w + b of each lane, by the product of one input. */
async function multiplyAdd(name: ProductModule) {
  const kernels = engineKernels(memory, await productModule(name))
  const floats = (address = 0, count = lanes) => new Float32Array(memory.buffer, address, count)
  new Uint32Array(memory.buffer, runs, 3).set([0, 0, 4])
  return ({ factor, others, terms }: Triples): Float32Array => {
    floats(x, 1)[0] = factor
    floats(weights).set(others)
    floats(bias).set(terms)
    kernels.forward(x ?? 0, offsets ?? 0, 1, runs ?? 0, 1, weights ?? 0, 32, 2, bias ?? 0, out ?? 0, 64, 0)
    return floats(out).slice()
  }
}

interface Triples {
  readonly factor: number
  readonly others: Float32Array
  readonly terms: Float32Array
}

const random = randomStream(1, 'triples')
const sign = () => (random.below(2) === 0 ? 1 : -1)
const anyBits = () => new Float32Array(Uint32Array.of(random.uint32()).buffer)[0] ?? 0
/** 1 + m, with few bits or many. */
const mantissa = () => 1 + Math.floor(random.uniform() * 2 ** random.below(24)) / 2 ** 23
const magnitude = (least: number, most: number) => sign() * mantissa() * 2 ** (least + random.below(most - least + 1))

/** Makes triples that are hard to round in one way. */
const kinds: Readonly<
  Record<string, () => readonly [factor: number, pair: () => readonly [other: number, term: number]]>
> = {
  'any bits': () => [anyBits(), () => [anyBits(), anyBits()]],
  'as in training': () => [magnitude(-8, 1), () => [magnitude(-8, 1), magnitude(-10, 3)]],
  // The product is just below, at or just above half of the term's last place, by as little as 2⁻⁴⁶ of it.
  'near the middle of two numbers': () => {
    const near = 2 ** -(1 + random.below(23))
    return [
      1 + near,
      () => {
        const scale = random.below(100) - 50
        const other = [1 - near, 1 / (1 + near), 1, 1 + near][random.below(4)] ?? 1
        return [sign() * other * 2 ** (scale - 24), sign() * mantissa() * 2 ** scale]
      },
    ]
  },
  'near the middle of two subnormal numbers': () => {
    const near = 2 ** -(1 + random.below(23))
    const shift = random.below(40)
    return [
      (1 + near) * 2 ** -(60 + shift),
      () => [sign() * (1 - near) * 2 ** (shift - 90), sign() * random.below(2 ** random.below(25)) * 2 ** -149],
    ]
  },
  'near the end of the range': () => [magnitude(60, 64), () => [magnitude(58, 63), magnitude(100, 127)]],
  'numbers that cancel': () => {
    const factor = Math.fround(mantissa())
    return [
      factor,
      () => {
        const other = Math.fround(magnitude(-20, 20))
        return [other, -Math.fround(factor * other)]
      },
    ]
  },
}

function triplesOf(make: (typeof kinds)[string]): Triples {
  const [factor, pair] = make()
  const pairs = Array.from({ length: lanes }, pair)
  return {
    factor: Math.fround(factor),
    others: Float32Array.from(pairs, ([other]) => other),
    terms: Float32Array.from(pairs, ([, term]) => term),
  }
}

/** A finite float32 as a whole multiple of 2⁻¹⁴⁹. */
function multiples(value: number): bigint {
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(value) || 1)) - 1)
  return BigInt(value * 2 ** (23 - exponent)) << BigInt(126 + exponent)
}

/** a · b + c, rounded once, in whole numbers. */
function exact(a: number, b: number, c: number): number {
  if (![a, b, c].every(Number.isFinite)) return Math.fround(a * b + c)
  const sum = multiples(a) * multiples(b) + (multiples(c) << 149n)
  const size = sum < 0n ? -sum : sum
  const dropped = BigInt(Math.max(size.toString(2).length - 24, 149))
  const rest = size & ((1n << dropped) - 1n)
  const half = 1n << (dropped - 1n)
  let kept = size >> dropped
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n
  return Math.fround((sum < 0n ? -1 : 1) * Number(kept) * 2 ** (Number(dropped) - 298))
}

const bitsOf = (values: Float32Array) =>
  [...new Uint32Array(values.slice().buffer)].map((bits, lane) => (Number.isNaN(values[lane]) ? 'NaN' : bits))

for (const [kind, make] of Object.entries(kinds)) {
  test.serial(`fused products are rounded once, emulated or not: ${kind}`, async (t) => {
    const [plain, emulated] = [await multiplyAdd('plain'), await multiplyAdd('emulated')]
    const fused = platformFuses() ? await multiplyAdd('fused') : emulated
    let unlike = 0
    for (let turn = 0; turn < 100; turn++) {
      const triples = triplesOf(make)
      const { factor, others, terms } = triples
      const found = emulated(triples)
      t.deepEqual(bitsOf(fused(triples)), bitsOf(found), JSON.stringify(triples))
      // Numbers alone: 0 and −0 are the same.
      const expected = found.map((_, lane) => exact(factor, others[lane] ?? 0, terms[lane] ?? 0))
      t.deepEqual(
        found.map((value) => value + 0),
        expected.map((value) => value + 0),
        JSON.stringify(triples),
      )
      const twice = plain(triples)
      unlike += found.filter((value, lane) => !Object.is(value, twice[lane])).length
    }
    t.true(unlike > 0, 'no triple shows the second rounding')
  })
}

/** The weights after a training with the products of a module. */
async function trained(name: ProductModule, { model, shape, ...steps }: (typeof trainings)[string]) {
  const recording = recordModel(model)
  if ('cause' in recording) throw recording.cause
  const loss = lossOf('softmaxCrossEntropy')
  const read = engineModel(recording.topology, loss)
  const running = engine({ graph: read.graph, batch: 10 })
  running.use(await productModule(name))
  const stream = randomStream(7, 'examples')
  const size = shape.reduce((product, length) => product * length, 1)
  const examples = inMemoryExamples({
    features: Float32Array.from({ length: 20 * size }, () => stream.uniform()),
    labels: Array.from({ length: 20 }, (_, index) => index % 2),
    shape,
  })
  const weights = read.initialWeights(randomStream(7, 'weights'))
  const request = { weights, examples, random: randomStream(7, 'train') }
  return (await trainOnEngine(running, fittedLoss(loss, read.outputShape), steps, read.layout, request)).delta
}

const trainings: Readonly<
  Record<string, Steps & { model: Parameters<typeof recordModel>[0]; shape: readonly number[] }>
> = {
  '2NN': {
    model: twoHiddenLayers,
    shape: [28, 28],
    learningRate: 0.1,
    epochs: 1,
    batch: 10,
  },
  'a model with convolutions, batch normalization and dropout': {
    ...{ model: everyImageLayer('batch', 2), shape: [12, 12, 3] },
    ...{ learningRate: 0.01, epochs: 1, batch: 10, optimizer: 'adam' },
  },
}

for (const [name, training] of Object.entries(trainings)) {
  test.serial(`a training of ${name} has the bits of fused products where they are emulated`, async (t) => {
    const emulated = await trained('emulated', training)
    const plain = await trained('plain', training)
    t.notDeepEqual(plain, emulated)
    t.deepEqual(await trained('widePlain', training), plain)
    if (platformFuses()) t.deepEqual(await trained('wideFused', training), emulated)
    if (platformFuses()) t.deepEqual(await trained('fused', training), emulated)
    else t.log('this platform does not fuse')
  })
}

test('all modules of kernels together have at most 120 KB', (t) => {
  const modules = [engineBase64, plainBase64, fusedBase64, emulatedBase64, widePlainBase64, wideFusedBase64]
  t.true(modules.reduce((bytes, base64) => bytes + atob(base64).length, 0) <= 120 * 1024)
})
