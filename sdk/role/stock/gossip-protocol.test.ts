import test from 'ava'
import fc from 'fast-check'
import { type GossipMessage, gossipChannel } from './gossip-protocol.ts'

const weights = Float32Array.of(1, 2)
const valid: readonly GossipMessage[] = [
  { type: 'ready', round: 1 },
  { type: 'offer', round: 1, weights, number: 3 },
  { type: 'answer', round: 1, weights },
  { type: 'apart', round: 1 },
  { type: 'committed', round: 0 },
  { type: 'over', round: 1 },
  { type: 'model', round: 1, weights, samples: 4, metrics: { loss: 1 } },
  { type: 'recorded', round: 2 },
]
const { accepts } = gossipChannel

test('each message of the protocol is accepted, and refused without any of its fields or with one of another type', (t) => {
  for (const message of valid) {
    t.true(accepts(message), message.type)
    for (const field of Object.keys(message)) {
      const without = Object.fromEntries(Object.entries(message).filter(([name]) => name !== field))
      t.is(accepts(without), field === 'number', `${message.type} without ${field}`)
      for (const other of [null, -1, 'no', [1], { 0: 'no' }, Number.NaN])
        t.false(accepts({ ...message, [field]: other }), `${message.type} ${field} ${JSON.stringify(other)}`)
    }
  }
})

test('a value of any shape is accepted or refused, without an error', (t) => {
  fc.assert(fc.property(fc.anything(), (value) => t.is(typeof accepts(value), 'boolean')))
  fc.assert(
    fc.property(fc.constantFrom(...valid), fc.string(), fc.anything(), (message, field, value) =>
      t.is(typeof accepts({ ...message, [field]: value }), 'boolean'),
    ),
  )
})
