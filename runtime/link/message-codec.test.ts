import test from 'ava'
import fc from 'fast-check'
import { CodedError, errorFactory } from '../errors/coded-error.ts'
import { type Addressee, addressee } from '../kernel/addressee.ts'
import { actorSystem } from '../kernel/system.ts'
import { Batch, copyPieces, pack, type RefName, unpack, valuesOf } from './message-codec.ts'

const noRefs = (): never => {
  throw new Error('no ref was given')
}
type NameOf = (ref: Addressee) => RefName

function packed(messages: readonly (readonly unknown[])[], nameOf: NameOf = noRefs): Batch {
  const batch = new Batch(nameOf)
  for (const message of messages) batch.add(message)
  return batch
}

function bodyOf(batch: Batch): Uint8Array<ArrayBuffer> {
  const pieces = batch.pieces()
  const body = new Uint8Array(pieces.bytes)
  copyPieces(pieces, 0, body)
  return body
}
const travelled = (value: unknown): unknown => valuesOf(bodyOf(packed([[value]])), noRefs)[0]

const array = fc.oneof(
  fc.float32Array(),
  fc.float64Array(),
  fc.uint8Array(),
  fc.int16Array(),
  fc.bigInt64Array(),
  fc.uint8ClampedArray(),
)
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme' }),
    fc.double().map((number) => number + 0),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.bigInt({ min: -(2n ** 2200n), max: 2n ** 2200n }),
    array,
    fc.array(tie('value')),
    fc.dictionary(
      fc.string().filter((name) => name !== '__proto__'),
      tie('value'),
    ),
  ),
})).value

const isNegativeZero = (value: unknown): boolean =>
  Object.is(value, -0) ||
  (typeof value === 'object' &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    Object.values(value).some(isNegativeZero))

test('plain values and typed arrays arrive as they were sent, in memory of their own', (t) => {
  fc.assert(
    fc.property(
      plain.filter((value) => !isNegativeZero(value)),
      (value) => {
        t.deepEqual(normal(travelled(value)), normal(value))
      },
    ),
  )
  const sent = { weights: Float32Array.of(1, 2, 3), view: new Float64Array(new ArrayBuffer(64), 8, 2) }
  const came = travelled(sent)
  sent.weights[0] = 9
  t.deepEqual(came, { weights: Float32Array.of(1, 2, 3), view: new Float64Array(2) })
})

/** Drops a record's prototype, which isn't sent. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal)
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, normal(field)]))
}

test('errors arrive with code, hint and values', (t) => {
  const fault = errorFactory({ TEST_FAULT: { message: 'round {round}', hint: 'mend it' } })
  const came = travelled({ cause: fault('TEST_FAULT', { round: 3 }) })
  t.true(Object(came).cause instanceof CodedError)
  t.like(came, { cause: { code: 'TEST_FAULT', message: 'round 3', hint: 'mend it', values: { round: 3 } } })
})

test('a message that cannot travel leaves nothing in its batch, and the last one can be taken out', (t) => {
  const shaped = { first: 1, second: 'two' }
  const batch = packed([['first', Float32Array.of(1), shaped]])
  t.throws(() => batch.add([shaped, Float32Array.of(2), () => {}]), { code: 'LINK_VALUE' })
  batch.add([shaped, Float32Array.of(3, 4, 5)])
  t.is(batch.lastArrayBytes, 16)
  batch.dropLast()
  t.is(batch.count, 1)
  batch.add([shaped, shaped, { ...shaped, first: 3 }, Float32Array.of(6)])
  t.deepEqual(valuesOf(bodyOf(batch), noRefs), [
    'first',
    Float32Array.of(1),
    ...[shaped, shaped, shaped, { ...shaped, first: 3 }],
    Float32Array.of(6),
  ])
})

test('a value that cannot travel is refused', (t) => {
  const cycle: unknown[] = []
  cycle.push(cycle)
  for (const value of [
    () => {},
    Symbol('s'),
    new Map(),
    new Date(),
    new DataView(new ArrayBuffer(1)),
    cycle,
    1n << 9000n,
  ])
    t.throws(() => packed([[{ field: value }]]), { code: 'LINK_VALUE' })
  t.throws(() => packed([[JSON.parse('{"__proto__": 1}')]]), { code: 'LINK_VALUE' })
})

test('refs are named by the sender, and made again by the receiver', async (t) => {
  const system = actorSystem()
  const ref = addressee(system.spawn<number>('a', () => () => {}))
  const found: RefName[] = []
  let names = 0
  const nameOf = ({ number, path }: Addressee): RefName => ({ of: 'sender', number, path })
  const refOf = (name: RefName) => {
    found.push(name)
    return ref
  }
  const body = bodyOf(
    packed([[{ to: ref }], [[ref]]], (given) =>
      names++ === 0 ? nameOf(given) : { of: 'receiver', number: given.number },
    ),
  )
  const [first, second] = valuesOf(body, refOf)
  t.is(Object(first).to, ref)
  t.deepEqual(second, [ref])
  t.deepEqual(found, [
    { of: 'sender', number: ref.number, path: '/a' },
    { of: 'receiver', number: ref.number },
  ])
  await system.terminate()
})

const valid = fc
  .oneof(fc.array(plain, { maxLength: 4 }), fc.array(plain, { minLength: 40, maxLength: 60 }))
  .map((values) => bodyOf(packed(values.map((value) => [value]))))
const damaged = fc
  .tuple(valid, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
  .map(([body, changes, cut]) => {
    for (const [place, byte] of changes) body[place % body.length] = byte
    return cut % 3 === 0 ? body.slice(0, cut % (body.length + 1)) : body
  })

test('of damaged bytes either plain values come or a coded refusal', (t) => {
  const refOf = (): never => {
    throw new CodedError('TEST_REF', { message: '', hint: '' }, {})
  }
  fc.assert(
    fc.property(
      fc.oneof(
        damaged,
        fc.uint8Array().map((bytes) => Uint8Array.from(bytes)),
      ),
      (body) => {
        try {
          assertPlain(valuesOf(body, refOf))
        } catch (cause) {
          if (!(cause instanceof CodedError) || !/^(LINK_VALUE|TEST_REF)$/.test(cause.code)) throw cause
        }
      },
    ),
    { numRuns: 2000 },
  )
  t.pass()
})

function assertPlain(value: unknown): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || value instanceof Error) return
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype) throw new Error('an instance of a class came')
  for (const part of Object.values(value)) assertPlain(part)
}

test('many messages, whose names of fields are packed once, arrive as sent, also with several shapes', (t) => {
  fc.assert(
    fc.property(
      fc.array(
        plain.filter((value) => !isNegativeZero(value)),
        { minLength: 1, maxLength: 6 },
      ),
      (values) => {
        const messages = Array.from({ length: 12 }, () => values.map((value) => [7, { value }])).flat()
        const came = valuesOf(bodyOf(packed(messages)), noRefs)
        t.deepEqual(
          came.map(normal),
          messages.flatMap((_, index) => [7, { value: normal(values[index % values.length]) }]),
        )
      },
    ),
    { numRuns: 200 },
  )
})

test('MessagePack that claims more than it holds, nests deeply, or has extensions or odd names is refused', (t) => {
  const claims = Uint8Array.from({ length: 60_000 }, (_, index) => [0xdd, 0, 0, 0xff, 0xff][index % 5] ?? 0)
  const nested = new Uint8Array(60_000).fill(0x91)
  const proto = [0xa9, ...new TextEncoder().encode('__proto__')]
  const records = [
    [0xd4, 0x72, 0x40],
    [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61],
    [0xd4, 0x72, 0x40, 0x91, 1, 1],
    [0xd4, 0x72, 0x40, 0x92, 0xa1, 0x61, 0xa1, 0x62, 1],
    [0xd4, 0x72, 0x00, 0x90],
    [0xd4, 0x72, 0x40, 0xdc, 0xff, 0xff, 0xa0],
    [0xd5, 0x72, 0x40, 0x00, 0x90],
    [0xd4, 0x01, 0x01],
    [0x92, 0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 1, 0x40],
    [0x81, ...proto, 1],
    [0xd4, 0x72, 0x40, 0x91, ...proto, 1],
    [0x81, 1, 1],
  ].map((bytes) => Uint8Array.from(bytes))
  for (const bytes of [claims, nested, ...records, Uint8Array.of(0xc1), Uint8Array.of(1, 2), new Uint8Array()])
    t.throws(() => unpack(bytes), { code: 'LINK_VALUE' })
  t.deepEqual(unpack(pack({ a: [1, 'b', null, true, 2 ** 40, -5, 0.5] })), {
    a: [1, 'b', null, true, 2 ** 40, -5, 0.5],
  })
})
