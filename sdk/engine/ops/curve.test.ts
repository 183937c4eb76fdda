import test from 'ava'
import fc from 'fast-check'
import { engineKernels, firstFreeAddress } from '../kernels.ts'
import type { Curve } from './curve.ts'

const memory = new WebAssembly.Memory({ initial: 2 })
const kernels = engineKernels(memory)
const [from, to, slopes] = [firstFreeAddress, firstFreeAddress + 64, firstFreeAddress + 128]

/** The activation of a value, and its slope there. */
function at(name: Curve['curve'], value: number, a: number, b: number): { readonly y: number; readonly slope: number } {
  new Float32Array(memory.buffer, from, 4).fill(value)
  kernels[name](from, to, slopes, a, b, 4)
  const [y = Number.NaN, ...others] = new Float32Array(memory.buffer, to, 4)
  if (!others.every((other) => Object.is(other, y))) throw new Error('lanes differ')
  return { y, slope: new Float32Array(memory.buffer, slopes, 1)[0] ?? Number.NaN }
}

/** The normal distribution's integral up to x: by a continued fraction in the tails, and by a series between these. */
function normalIntegral(x: number): number {
  const size = Math.abs(x)
  const bell = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)
  let tail = 0
  if (size > 3) {
    for (let k = 200; k >= 1; k--) tail = k / (size + tail)
    tail = bell / (size + tail)
  } else {
    let [term, sum] = [size, size]
    for (let n = 1; n < 100; n++) {
      term *= (size * size) / (2 * n + 1)
      sum += term
    }
    tail = 0.5 - bell * sum
  }
  return x > 0 ? 1 - tail : tail
}

interface Expected {
  readonly curve: Curve['curve']
  readonly a?: number
  readonly b?: number
  readonly exact: (x: number) => number
  /** Bits of y and slope at −3, −0.1, 0.626 and 5. */
  readonly bits: readonly number[]
}

const expected: readonly Expected[] = [
  {
    curve: 'elu',
    a: 1.7,
    b: 1.2,
    exact: (x) => (x > 0 ? 1.2 * x : 1.7 * Math.expm1(x)),
    bits: [3217998895, 1034770096, 3190139062, 1069868163, 1061179045, 1067030938, 1086324736, 1067030938],
  },
  {
    curve: 'gelu',
    exact: (x) => x * normalIntegral(x),
    bits: [3146036042, 3158554542, 3174857870, 1054296257, 1055612310, 1064340590, 1084227581, 1065353276],
  },
  {
    curve: 'geluTanh',
    exact: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    bits: [3144573440, 3158166486, 3174857877, 1054296299, 1055611033, 1064337106, 1084227583, 1065353233],
  },
  {
    curve: 'hardSigmoid',
    exact: (x) => Math.min(1, Math.max(0, 0.2 * x + 0.5)),
    bits: [0, 0, 1056293519, 1045220557, 1059065116, 1045220557, 1065353216, 0],
  },
  {
    curve: 'mish',
    exact: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
    bits: [3189056667, 3183428836, 3177749283, 1057563602, 1056644713, 1064363278, 1084226645, 1065359929],
  },
  {
    curve: 'softplus',
    exact: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    bits: [1028064135, 1027752354, 1059387181, 1056126446, 1065809155, 1059507731, 1084241667, 1065240929],
  },
  {
    curve: 'softsign',
    exact: (x) => x / (1 + Math.abs(x)),
    bits: [3208642560, 1031798784, 3183095436, 1062441467, 1053105642, 1052878772, 1062557013, 1021546041],
  },
  {
    curve: 'swish',
    exact: (x) => x / (1 + Math.exp(-x)),
    bits: [3188830522, 3182718959, 3175256459, 1055289678, 1053873919, 1061892048, 1084157405, 1065575911],
  },
  {
    curve: 'threshold',
    a: 0.75,
    exact: (x) => (x > 0.75 ? x : 0),
    bits: [2147483648, 0, 2147483648, 0, 0, 0, 1084227584, 1065353216],
  },
]

for (const { curve, a = 0, b = 1, exact, bits } of expected) {
  test(`${curve} is exact to some units in the last place of 1, or of a larger result, and so is its slope`, (t) => {
    const values = fc.float({ noNaN: true, min: -20, max: 20 })
    const property = fc.property(values, (x) => {
      const { y, slope } = at(curve, x, a, b)
      const unit = Math.max(1, Math.abs(exact(x))) * 2 ** -23
      t.true(Math.abs(y - exact(x)) <= 2 * unit, `${x}: ${y} in place of ${exact(x)}`)
      const step = 1e-7
      const [before, after] = [(exact(x) - exact(x - step)) / step, (exact(x + step) - exact(x)) / step]
      const [least, most] = [Math.min(before, after) - 1e-6, Math.max(before, after) + 1e-6]
      t.true(slope >= least && slope <= most, `${x}: the slope is ${slope}, not from ${least} to ${most}`)
    })
    fc.assert(property, { numRuns: 500 })
    t.is(at(curve, Number.NaN, a, b).y, Number.NaN)
  })

  test(`the bits of ${curve} are these, everywhere`, (t) => {
    const found = [-3, -0.1, 0.626, 5].flatMap((x) => Object.values(at(curve, x, a, b)))
    t.deepEqual([...new Uint32Array(Float32Array.from(found).buffer)], bits)
  })
}
