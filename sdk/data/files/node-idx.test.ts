import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import * as fc from 'fast-check'
import { readIdx } from './node-idx.ts'

const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 102, 255)
const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 7, 9)
const folder = mkdtempSync(join(tmpdir(), 'flame-idx-'))
test.after.always(() => rmSync(folder, { recursive: true }))

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

test('a pair of idx files gives the labelled examples', (t) => {
  const examples = readIdx(file('whole-images', images), file('whole-labels', labels))
  const out = new Float32Array(2)
  examples.read(1, out, 0)
  t.deepEqual(examples.shape, [1, 2])
  t.deepEqual([examples.count, examples.label(0), examples.label(1)], [2, 7, 9])
  t.deepEqual([...out], [Math.fround(0.4), 1])
})

test('a file cut short or with more bytes is refused wherever it ends', (t) => {
  const whole = file('labels', labels)
  fc.assert(
    fc.property(fc.nat(images.length - 1), (length) => {
      const error = t.throws(() => readIdx(file('short', images.subarray(0, length)), whole))
      return error !== undefined && 'code' in error && /^DATA_IDX_(MAGIC|SIZE)$/.test(String(error.code))
    }),
  )
  t.throws(() => readIdx(file('long', Uint8Array.of(...images, 0)), whole), { code: 'DATA_IDX_SIZE' })
})

test('a refusal names the file, what was expected and what came', (t) => {
  const path = file('cut', images.subarray(0, 19))
  const error = t.throws(() => readIdx(path, file('labels-2', labels)), { code: 'DATA_IDX_SIZE' })
  t.is(error?.message, `data file ${path} must be 20 bytes long by its header, but is 19`)
})

test('labels given for images, or another format, are refused', (t) => {
  const path = file('labels-3', labels)
  t.throws(() => readIdx(path, path), { code: 'DATA_IDX_MAGIC' })
  t.throws(() => readIdx(file('gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0)), path), {
    code: 'DATA_IDX_MAGIC',
    message: /gzip file, which must be unpacked/,
  })
  t.throws(() => readIdx(file('empty', new Uint8Array()), path), { code: 'DATA_IDX_MAGIC', message: /an empty file/ })
})

test('labels of another number than the images are refused', (t) => {
  const one = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7)
  t.throws(() => readIdx(file('images-4', images), file('labels-4', one)), { code: 'DATA_IDX_COUNT' })
})

test('a file that is not there is refused with its cause', (t) => {
  const error = t.throws(() => readIdx(join(folder, 'none'), join(folder, 'none')), { code: 'DATA_FILE' })
  t.true(error?.cause instanceof Error)
})
