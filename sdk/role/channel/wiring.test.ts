import test from 'ava'
import fc from 'fast-check'
import { actorSystem } from '../../../runtime/index.ts'
import { decodeRoleMessage, type RoleMessage } from './wiring.ts'

const system = actorSystem()
test.after(() => system.terminate())
const ref = system.spawn<RoleMessage>('end', () => () => {}, { decode: decodeRoleMessage })
const member = { end: 'a-0', incarnation: 2, ref, properties: { trainers: ['t-0'] } }

const messages: readonly RoleMessage[] = [
  { type: 'welcome', incarnation: 1, channels: [{ channel: 'c', members: [member], gone: ['b-1'] }] },
  { type: 'joined', channel: 'c', member },
  { type: 'left', channel: 'c', end: 'a-0' },
  { type: 'property', channel: 'c', end: 'a-0', name: 'n', value: { any: [1] } },
  { type: 'deliver', channel: 'c', from: 'a-0', incarnation: 1, number: 1, to: 1, message: 'm' },
  { type: 'deliver', channel: 'c', from: 'a-0', incarnation: 1, number: 1, to: 1, message: 'm', acknowledge: true },
  { type: 'acknowledged', channel: 'c', from: 'a-0', incarnation: 1, to: 1, upTo: 3 },
]

test('each message of a channel is decoded as it was sent, without fields that it does not have', (t) => {
  for (const message of messages) t.deepEqual(decodeRoleMessage({ ...message, foreign: 1 }), message)
})

test('a message with a field that is missing or of another type is refused', (t) => {
  const free = new Set(['value', 'message', 'acknowledge', 'properties'])
  for (const message of messages) {
    for (const name of Object.keys(message)) {
      if (free.has(name)) continue
      const { [name]: _, ...without } = Object(message)
      t.is(decodeRoleMessage(without), undefined, `${message.type} without ${name}`)
      t.is(decodeRoleMessage({ ...message, [name]: { a: 1 } }), undefined, `${message.type} with another ${name}`)
    }
  }
  for (const broken of [{ ...member, ref: { path: '/a', tell() {} } }, { ...member, incarnation: -1 }, null])
    t.is(decodeRoleMessage({ type: 'joined', channel: 'c', member: broken }), undefined)
})

test('of anything else nothing is made, and nothing is thrown', (t) => {
  const types = fc.constantFrom(...messages.map(({ type }) => type), 'terminated')
  const like = fc.record(
    {
      type: fc.oneof(types, fc.anything()),
      channel: fc.oneof(fc.string(), fc.anything()),
      from: fc.anything(),
      incarnation: fc.oneof(fc.integer(), fc.anything()),
      channels: fc.oneof(fc.array(fc.anything()), fc.anything()),
      member: fc.anything(),
      end: fc.anything(),
      name: fc.anything(),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(like, fc.anything()), (value) => {
      const decoded = decodeRoleMessage(value)
      if (decoded) t.deepEqual(decodeRoleMessage(decoded), decoded)
    }),
  )
  t.pass()
})
