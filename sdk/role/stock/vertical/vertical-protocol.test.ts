import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import fc from 'fast-check'
import { holdersBelow, isHolderState, labelHolderAbove } from './vertical-protocol.ts'

const attempt = { round: 1, attempt: 2 }
const presentation = { method: 'psi' } as const

const toHolders: readonly object[] = [
  { type: 'want-key' },
  { type: 'present', presentation, entities: new Uint8Array(64) },
  { type: 'present', presentation: { method: 'hashed', key: new Uint8Array(32) } },
  { type: 'aligned', presentation, positions: Uint32Array.of(1, 0), digest: 'ab', training: 2, party: 1 },
  { type: 'begin', ...attempt },
  { type: 'begin', ...attempt, counted: 0 },
  { type: 'gradient', ...attempt, batch: 0, gradient: new Float32Array(3) },
  { type: 'gradient', ...attempt, batch: 0 },
  { type: 'end-of-training', counted: 3 },
  { type: 'end-of-training' },
]

const toLabelHolder: readonly object[] = [
  { type: 'key', key: new Uint8Array(32) },
  { type: 'entities', entities: new Uint8Array(0) },
  { type: 'entities', entities: new Uint8Array(32), raised: new Uint8Array(64) },
  { type: 'activations', ...attempt, batch: 3, values: new Float32Array(0) },
  { type: 'finished', ...attempt, digest: 'ab' },
  { type: 'finished', ...attempt, digest: 'ab', isAnew: true },
  { type: 'failed', code: 'MISHAP', reason: 'ill', hint: 'mend it' },
]

for (const [name, accepts, messages, others] of [
  ['a feature holder', labelHolderAbove.accepts, toHolders, toLabelHolder],
  ['the label holder', holdersBelow.accepts, toLabelHolder, toHolders],
] as const) {
  test(`${name} takes the messages of its protocol, and none of the other side's`, (t) => {
    for (const message of messages) t.true(accepts(message), JSON.stringify(message))
    for (const message of others) t.false(accepts(message), JSON.stringify(message))
  })

  test(`${name} drops a message that lacks a field, or has a field of another kind`, (t) => {
    const hostile = fc.oneof(fc.anything(), fc.constantFrom(-1, 0.5, Number.NaN, 2 ** 60, [], {}, new Uint8Array(31)))
    const optional = ['entities', 'counted', 'gradient', 'raised', 'isAnew']
    for (const message of messages)
      for (const [field, value] of Object.entries(message)) {
        const { [field]: _, ...without }: Record<string, unknown> = { ...message }
        t.is(accepts(without), optional.includes(field) && (field !== 'entities' || 'presentation' in message), field)
        fc.assert(
          fc.property(hostile, (given) => {
            const isSame = typeof given === typeof value && Object(given).constructor === Object(value).constructor
            const isFine =
              isSame || (given === undefined && optional.includes(field)) || isDeepStrictEqual(given, value)
            if (!isFine && typeof given === 'object') t.false(accepts({ ...message, [field]: given }), field)
          }),
          { numRuns: 50 },
        )
      }
    for (const given of [null, undefined, 'begin', [], { type: 'unheard' }, { ...messages[0], type: 'unheard' }])
      t.false(accepts(given))
  })
}

test('entities that are not whole, a key of another length, and positions fewer than those to train on are refused', (t) => {
  t.false(holdersBelow.accepts({ type: 'entities', entities: new Uint8Array(33) }))
  t.false(holdersBelow.accepts({ type: 'key', key: new Uint8Array(31) }))
  const aligned = { type: 'aligned', presentation, positions: Uint32Array.of(1), digest: '', training: 2, party: 1 }
  t.false(labelHolderAbove.accepts(aligned))
  t.false(labelHolderAbove.accepts({ ...aligned, training: 1, party: 0 }))
  t.true(labelHolderAbove.accepts({ ...aligned, training: 1 }))
})

test('the state of a holder is read from its property, or is none', (t) => {
  for (const state of [{ life: 1 }, { life: 0, aligned: 'ab' }]) t.true(isHolderState(state))
  for (const state of [undefined, null, {}, { life: -1 }, { life: 1, aligned: 2 }]) t.false(isHolderState(state))
})
