import test from 'ava'
import * as fc from 'fast-check'
import { codeOf, cut } from '../../../test/support/damage.ts'
import { decodeCifar } from './cifar.ts'

/** A record whose red, green and blue values at pixel p are p, p + 1 and p + 2, modulo 256. */
function record(...labels: readonly number[]): Uint8Array {
  const image = Uint8Array.from({ length: 3_072 }, (_, at) => (at % 1_024) + Math.floor(at / 1_024))
  return Uint8Array.of(...labels, ...image)
}

const file = (bytes: Uint8Array, file = 'data_batch_1.bin') => ({ file, bytes })

test('the files are read one after another, each pixel with its red, green and blue', (t) => {
  const first = Uint8Array.of(...record(3), ...record(9))
  const examples = decodeCifar('cifar-10', [file(first), file(record(0))])
  t.deepEqual(examples.shape, [32, 32, 3])
  t.deepEqual([examples.count, examples.label(0), examples.label(1), examples.label(2)], [3, 3, 9, 0])
  const out = new Float32Array(3_072)
  examples.read(2, out, 0)
  t.deepEqual(
    [...out],
    Array.from({ length: 3_072 }, (_, at) => Math.fround(((Math.floor(at / 3) + (at % 3)) % 256) / 255)),
  )
})

test('CIFAR-100 has fine and coarse labels', (t) => {
  t.is(decodeCifar('cifar-100', [file(record(19, 99))]).label(0), 99)
  t.is(decodeCifar('cifar-100-coarse', [file(record(19, 99))]).label(0), 19)
})

test('a label that is no class is refused with its place', (t) => {
  const error = t.throws(() => decodeCifar('cifar-10', [file(Uint8Array.of(...record(0), ...record(10)))]), {
    code: 'DATA_DAMAGED',
  })
  t.is(error?.message, 'data file data_batch_1.bin is damaged at byte 3073: expected a label below 10, but found 10')
  t.throws(() => decodeCifar('cifar-100-coarse', [file(record(20, 0))]), { code: 'DATA_DAMAGED' })
})

test('a file cut short is refused wherever it ends', (t) => {
  fc.assert(
    fc.property(cut(record(1)), (bytes) => codeOf(() => decodeCifar('cifar-10', [file(bytes)])) === 'DATA_DAMAGED'),
  )
  t.throws(() => decodeCifar('cifar-10', []), { code: 'DATA_JOIN' })
})
