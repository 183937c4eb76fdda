import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import * as fc from 'fast-check'
import type { CodedError } from '../../../runtime/index.ts'
import type { Examples } from '../examples.ts'
import { encodeNpy } from '../formats/npy.ts'
import { encodeNpz } from '../formats/npz.ts'
import { openCifar, readCifar } from './node-cifar.ts'
import { readCsv } from './node-csv.ts'
import { openIdx, readIdx } from './node-idx.ts'
import { openNpy, readNpy, readNpz } from './node-npy.ts'

const folder = mkdtempSync(join(tmpdir(), 'flame-data-'))
test.after.always(() => rmSync(folder, { recursive: true }))

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

function content(examples: Examples, order: Uint32Array) {
  const size = examples.shape.reduce((product, length) => product * length, 1)
  const out = new Float32Array(order.length * size)
  order.forEach((index, row) => examples.read(index, out, row * size))
  return { shape: examples.shape, count: examples.count, out, labels: Array.from(order, (i) => examples.label(i)) }
}

const uint32 = (value: number) => [value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]
const pages = { pageBytes: 64, cacheBytes: 256 }

test('an opened idx pair reads as one in memory, through few small pages, in any order', (t) => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 12 })
        .chain((count) =>
          fc.tuple(
            fc.uint8Array({ minLength: count * 15, maxLength: count * 15 }),
            fc.uint8Array({ minLength: count, maxLength: count }),
            fc.array(fc.nat(count - 1), { minLength: 1 }),
          ),
        ),
      ([images, labels, order]) => {
        const count = labels.length
        const imagesFile = file('i', Uint8Array.of(0, 0, 8, 3, ...uint32(count), ...uint32(3), ...uint32(5), ...images))
        const labelsFile = file('l', Uint8Array.of(0, 0, 8, 1, ...uint32(count), ...labels))
        using opened = openIdx(imagesFile, labelsFile, pages)
        t.deepEqual(
          content(opened, Uint32Array.from(order)),
          content(readIdx(imagesFile, labelsFile), Uint32Array.from(order)),
        )
      },
    ),
  )
})

test('an opened npy file of any type reads as one in memory', (t) => {
  const arrays = fc.oneof(
    fc.uint8Array({ minLength: 6 }),
    fc.int16Array({ minLength: 6 }),
    fc.float64Array({ minLength: 6 }),
  )
  fc.assert(
    fc.property(arrays, fc.constantFrom(undefined, 3), fc.array(fc.nat()), (values, divisor, picks) => {
      const count = Math.floor(values.length / 6)
      const features = file('x.npy', encodeNpy({ shape: [count, 2, 3], values: values.subarray(0, count * 6) }))
      const labels = file(
        'y.npy',
        encodeNpy({ shape: [count], values: Int32Array.from({ length: count }, (_, i) => -i) }),
      )
      const order = Uint32Array.from(picks, (pick) => pick % count)
      const settings = { nonFinite: 'keep', ...(divisor && { divisor }) } as const
      using opened = openNpy(features, pathToFileURL(labels), { ...pages, ...settings })
      t.deepEqual(content(opened, order), content(readNpy(features, labels, settings), order))
    }),
  )
})

test('opened CIFAR files read as those in memory', (t) => {
  const record = (label: number) => Uint8Array.from({ length: 3_073 }, (_, at) => (at === 0 ? label : at * 31 + label))
  const files = [file('1.bin', Uint8Array.of(...record(3), ...record(5))), file('2.bin', record(9))]
  const order = Uint32Array.of(2, 0, 1, 2)
  using opened = openCifar('cifar-10', files, pages)
  t.deepEqual(content(opened, order), content(readCifar('cifar-10', files), order))
})

test('features in booleans stay 0 and 1', (t) => {
  const header = "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 1), }"
  const bytes = Uint8Array.of(
    0x93,
    ...new TextEncoder().encode('NUMPY'),
    1,
    0,
    header.length,
    0,
    ...new TextEncoder().encode(header),
    1,
    0,
  )
  const features = file('b.npy', bytes)
  const labels = file('bl.npy', encodeNpy({ shape: [2, 1], values: Uint8Array.of(0, 1) }))
  using opened = openNpy(features, labels)
  t.deepEqual([...content(opened, Uint32Array.of(0, 1)).out], [1, 0])
  t.deepEqual([...content(readNpy(features, labels), Uint32Array.of(0, 1)).out], [1, 0])
})

test('two arrays of an npz file are features and labels', async (t) => {
  const x = { shape: [2, 2], values: Uint8Array.of(0, 255, 51, 0) }
  const path = file(
    'mnist.npz',
    encodeNpz(
      new Map([
        ['x', x],
        ['y', { shape: [2], values: Uint8Array.of(7, 8) }],
      ]),
    ),
  )
  const examples = await readNpz(path, { features: 'x', labels: 'y' })
  t.deepEqual(content(examples, Uint32Array.of(1, 0)), {
    shape: [2],
    count: 2,
    out: Float32Array.of(0.2, 0, 0, 1),
    labels: [8, 7],
  })
  await t.throwsAsync(readNpz(path, { features: 'x', labels: 'z' }), { code: 'DATA_MEMBER' })
  await t.throwsAsync(readNpz(path, { features: 'x', labels: 'x' }), { code: 'DATA_LABELS' })
})

test('a csv file is read, and its faults named', async (t) => {
  const examples = await readCsv(file('a.csv', 'a,b,y\n1,2,0\n3,4,1\n'), { label: 'y' })
  t.deepEqual([...content(examples, Uint32Array.of(1, 0)).out], [3, 4, 1, 2])
  const bad = file('b.csv', 'a,y\n1,0\nx,1\n')
  await t.throwsAsync(readCsv(bad, { label: 'y' }), {
    code: 'DATA_CSV',
    message: `data file ${bad}, line 3, column a: 'x' is no number that float32 can hold`,
  })
  await t.throwsAsync(readCsv(file('c.csv', 'a,y\n1\n'), { label: 'y' }), { code: 'DATA_CSV', message: /line 2/ })
  const unclosed = file('d.csv', `a,y\n1,0\n2,"${'x\n'.repeat(9_000_000)}`)
  await t.throwsAsync(readCsv(unclosed, { label: 'y' }), { code: 'DATA_CSV', message: /line 3, .* not closed/ })
  await t.throwsAsync(readCsv(join(folder, 'none.csv'), { label: 'y' }), { code: 'DATA_FILE' })
})

test('a csv file is read as its text, where its characters, lines and quotes lie across the pieces that are read', async (t) => {
  const classes = ['Äpfel', 'Öl', '日本語', 'a "quoted", one']
  const fields = ['Äpfel', '"Öl"', '日本語', '"a ""quoted"", one"']
  for (let pad = 0; pad < 4; pad++) {
    const rows: string[] = []
    for (let index = 0; index < 12_000; index++)
      rows.push(`"${index}",${fields[index % 4]}${index % 5 ? '\r\n' : '\n'}`)
    const path = file('pieces.csv', `\ufeff"größe",y${' '.repeat(pad)}\r\n${rows.join('')}`)
    const examples = await readCsv(path, { label: 'y', features: ['größe'], classes })
    const { out, labels } = content(examples, Uint32Array.from(rows.keys()))
    t.true(
      labels.every((label, index) => label === index % 4) && out.every((value, index) => value === index),
      `${pad}`,
    )
  }
})

test('what can not be opened is refused as when it is read whole', (t) => {
  const x = encodeNpy({ shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) })
  const labels = file('labels.npy', encodeNpy({ shape: [2], values: Uint8Array.of(0, 1) }))
  for (let length = 0; length < x.length; length++) {
    const short = file('short.npy', x.subarray(0, length))
    t.throws(() => openNpy(short, labels), { code: 'DATA_DAMAGED' })
  }
  t.throws(() => openNpy('sdk/data/formats/fixtures/fortran.npy', labels), { code: 'DATA_ORDER' })
  t.throws(() => openNpy(join(folder, 'none'), labels), { code: 'DATA_FILE' })
  t.throws(() => openNpy(file('x3.npy', x), file('3.npy', encodeNpy({ shape: [3], values: new Uint8Array(3) }))), {
    code: 'DATA_LABELS',
  })
  t.throws(() => openIdx(labels, labels), { code: 'DATA_IDX_MAGIC' })
  t.throws(() => openCifar('cifar-10', [labels]), { code: 'DATA_DAMAGED' })
})

test('a file that is written while it is open is refused in reading', (t) => {
  const array = { shape: [1_000, 2], values: new Float64Array(2_000).fill(1) }
  const features = file('written.npy', encodeNpy(array))
  const labels = file('written-labels.npy', encodeNpy({ shape: [1_000], values: new Uint8Array(1_000) }))
  utimesSync(features, 1, 1)
  using opened = openNpy(features, labels, pages)
  opened.read(0, new Float32Array(2), 0)
  file('written.npy', encodeNpy({ ...array, values: array.values.fill(2) }))
  t.throws(() => opened.read(500, new Float32Array(2), 0), { code: 'DATA_CHANGED' })
})

test('why a file cannot be read is said in words, with its absolute path and what to do', async (t) => {
  const faultOf = async (read: () => unknown) => {
    const error = await t.throwsAsync<CodedError>(async () => read(), { code: 'DATA_FILE' })
    return `${error?.message}; ${error?.hint}`
  }
  const missing = relative(process.cwd(), join(folder, 'none.npy'))
  for (const read of [
    () => readNpy(missing, missing),
    () => openNpy(missing, missing),
    () => readIdx(missing, missing),
    () => readCifar('cifar-10', [missing]),
    () => readCsv(missing, { label: 'y' }),
  ]) {
    t.is(
      await faultOf(read),
      `data file ${join(folder, 'none.npy')} cannot be read: there is no such file (ENOENT); check the path, or put the file there`,
    )
  }
  for (const read of [
    () => readNpy(folder, folder),
    () => openNpy(folder, folder),
    () => readCsv(folder, { label: 'y' }),
  ])
    t.regex(await faultOf(read), /: it is a folder \(EISDIR\); name a file in that folder/)
  t.regex(
    await faultOf(() => readIdx('/x/node_modules/@some/data-set/train', 'y')),
    /; install the package that has it: npm install @some\/data-set$/,
  )
})

test('a file that is too large to be read whole is refused with what reads it', async (t) => {
  const large = file('large', '')
  truncateSync(large, 2 ** 31 + 1_000)
  for (const [read, hint] of [
    [() => readNpy(large, large), /openNpy/],
    [() => readIdx(large, large), /openIdx/],
    [() => readCifar('cifar-10', [large]), /openCifar/],
    [() => readNpz(large, { features: 'x', labels: 'y' }), /openNpy/],
  ] as const) {
    const error = await t.throwsAsync<CodedError>(async () => read(), {
      code: 'DATA_FILE',
      message: /larger than the 2 GiB/,
    })
    t.regex(error?.hint ?? '', hint)
  }
  rmSync(large)
})

test('what lies behind 4 GiB of an opened file is read', (t) => {
  const [rows, size] = [70_000, 65_536]
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${rows}, ${size}), }`.padEnd(117) + '\n'
  const features = file('sparse.npy', Buffer.from(`\x93NUMPY\x01\x00\x76\x00${text}`, 'latin1'))
  truncateSync(features, 128 + rows * size)
  const descriptor = openSync(features, 'r+')
  writeSync(descriptor, Uint8Array.of(255), 0, 1, 128 + rows * size - 1)
  closeSync(descriptor)
  const labels = file('sparse-labels.npy', encodeNpy({ shape: [rows], values: new Uint8Array(rows).fill(3) }))
  using opened = openNpy(features, labels)
  const out = new Float32Array(size)
  opened.read(rows - 1, out, 0)
  t.deepEqual([out.at(-2), out.at(-1), opened.label(rows - 1)], [0, 1, 3])
  rmSync(features)
})

test('values that are not finite are refused with their file and place, or kept when asked', async (t) => {
  const values = Float32Array.of(1, 2, 3, 4, 5, Number.NaN, 7, 8)
  const features = file('nan.npy', encodeNpy({ shape: [2, 2, 2], values }))
  const labels = file('nan-labels.npy', encodeNpy({ shape: [2], values: Uint8Array.of(0, 1) }))
  const archive = file(
    'nan.npz',
    encodeNpz(
      new Map([
        ['x', { shape: [2, 2, 2], values }],
        ['y', { shape: [2], values: Uint8Array.of(0, 1) }],
      ]),
    ),
  )
  const names = { features: 'x', labels: 'y' }
  const refused = (source: string) => ({
    code: 'DATA_VALUE',
    message: `feature [0,1] of example 1 of ${source} is NaN, which is no finite float32`,
  })
  t.throws(() => readNpy(features, labels), refused(features))
  await t.throwsAsync(readNpz(archive, names), refused(`${archive}/x.npy`))
  using opened = openNpy(features, labels)
  const out = new Float32Array(4)
  opened.read(0, out, 0)
  t.throws(() => opened.read(1, out, 0), refused(features))

  using kept = openNpy(features, labels, { nonFinite: 'keep' })
  for (const examples of [kept, readNpy(features, labels, { nonFinite: 'keep' })]) {
    examples.read(1, out, 0)
    t.deepEqual([...out], [5, Number.NaN, 7, 8])
  }
  const bad = file('bad-labels.npy', encodeNpy({ shape: [2], values: Float32Array.of(0, Number.NaN) }))
  for (const read of [() => readNpy(features, bad, { nonFinite: 'keep' }), () => openNpy(features, bad)])
    t.throws(read, {
      code: 'DATA_VALUE',
      message: `the label of example 1 of ${bad} is NaN, which is no finite float32`,
    })
})

test('one-hot labels are refused with how to make numbers of them', (t) => {
  const features = file('hot.npy', encodeNpy({ shape: [2, 1], values: Uint8Array.of(1, 2) }))
  const labels = file('hot-labels.npy', encodeNpy({ shape: [2, 3], values: Uint8Array.of(0, 0, 1, 1, 0, 0) }))
  for (const read of [() => readNpy(features, labels), () => openNpy(features, labels)]) {
    const error = t.throws<CodedError>(read, { code: 'DATA_LABELS', message: /shape \[2, 3\]/ })
    t.regex(error?.hint ?? '', /numpy.argmax\(labels, axis=1\)/)
  }
})

test('a file that is cut short while it is open, and one that is closed, are refused in reading', (t) => {
  const features = file('open.npy', encodeNpy({ shape: [1_000, 2], values: new Float64Array(2_000).fill(1) }))
  const labels = file('open-labels.npy', encodeNpy({ shape: [1_000], values: new Uint8Array(1_000) }))
  const opened = openNpy(features, labels, pages)
  const out = new Float32Array(2)
  opened.read(999, out, 0)
  t.deepEqual([...out], [1, 1])
  truncateSync(features, 5_000)
  t.throws(() => opened.read(500, out, 0), {
    code: 'DATA_CHANGED',
    message: `data file ${features} was changed while it was read`,
  })
  opened[Symbol.dispose]()
  opened[Symbol.dispose]()
  t.throws(() => opened.read(0, out, 0), { code: 'DATA_CLOSED' })
})
