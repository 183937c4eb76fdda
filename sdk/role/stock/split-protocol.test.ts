import test from 'ava'
import fc from 'fast-check'
import { split } from '../../tag/topologies.ts'
import { roleStage } from '../../testing/index.ts'
import { role } from '../role.ts'
import type { Attempt } from './attempt.ts'
import { chainPool } from './chain-pool.contract.ts'
import { splitAggregator } from './split-aggregator.ts'
import {
  bottomsAbove,
  bottomsBelow,
  type SplitReply,
  type SplitRequest,
  splitAbove,
  splitBelow,
  topAbove,
  topBelow,
} from './split-protocol.ts'
import { splitServer } from './split-server.ts'
import { named } from './topology.contract.ts'

const attempt = { round: 1, attempt: 65_536 }
const some = Float32Array.of(1, 2)
const failure = { code: 'C', reason: 'r', hint: 'h' }
const messages = [
  { accepts: bottomsAbove.accepts, message: { type: 'train', ...attempt, weights: some } },
  {
    accepts: bottomsBelow.accepts,
    message: { type: 'contribution', ...attempt, delta: some, samples: 2, metrics: {} },
  },
  { accepts: bottomsBelow.accepts, message: { type: 'failed', ...attempt, ...failure } },
  { accepts: topAbove.accepts, message: { type: 'begin', ...attempt, order: ['a'], weights: some } },
  { accepts: topAbove.accepts, message: { type: 'close', ...attempt, members: { a: 2 } } },
  { accepts: topBelow.accepts, message: { type: 'top', ...attempt, delta: some } },
  { accepts: topBelow.accepts, message: { type: 'again', ...attempt, refusals: [{ end: 'a', ...failure }] } },
  {
    accepts: splitBelow.accepts,
    message: { type: 'values', ...attempt, batch: 0, values: some, examples: 2, labels: some, isLast: true },
  },
  { accepts: splitBelow.accepts, message: { type: 'gradient', ...attempt, batch: 0, gradient: some } },
  { accepts: splitBelow.accepts, message: { type: 'withdrawn', ...attempt } },
  { accepts: splitAbove.accepts, message: { type: 'outputs', ...attempt, batch: 0, values: some } },
  { accepts: splitAbove.accepts, message: { type: 'gradient', ...attempt, batch: 0, gradient: some, loss: 1 } },
  { accepts: splitAbove.accepts, message: { type: 'failed', ...attempt, batch: 0, ...failure } },
]

for (const { accepts, message } of messages)
  test(`a message ${message.type} is accepted, and none with a field of another kind: ${Object.keys(message)}`, (t) => {
    t.true(accepts(message))
    for (const name of Object.keys(message))
      for (const value of [null, -1, 0.5, 'x', [1], { a: 'x' }, new Uint8Array(8)]) {
        // Texts, and a loss, may have these values.
        if (typeof value === typeof Reflect.get(message, name) && !['round', 'attempt', 'batch', 'type'].includes(name))
          continue
        t.false(accepts({ ...message, [name]: value }), `${name}: ${String(value)}`)
      }
  })

test('no other value is a message', (t) => {
  const uses = [bottomsAbove, bottomsBelow, topAbove, topBelow, splitAbove, splitBelow]
  fc.assert(fc.property(fc.anything(), (value) => uses.every(({ accepts }) => !accepts(value))))
  t.pass()
})

type Script = (attempt: Attempt) => SplitRequest

/** The replies of the server to the messages of a client. */
async function repliesTo(
  script: readonly Script[],
  settings: Record<string, string | number> = {},
): Promise<readonly SplitReply[]> {
  const replies: SplitReply[] = []
  const client = role({
    name: 'trainer',
    open: (channel) => ({ aggregator: channel(bottomsAbove), server: channel(splitAbove) }),
    init: () => ({ ended: false }),
    isState: (value): value is { ended: boolean } => typeof value === 'object' && value !== null && 'ended' in value,
    done: ({ ended }) => ended,
    async round(_, { channels: { aggregator, server } }) {
      const { end, message } = await aggregator.recvAny()
      if (message.type === 'train') {
        const { round, attempt } = message
        await server.awaitJoin()
        for (const request of script) {
          server.send('split-server-0', request({ round, attempt }))
          const reply = await server.recv('split-server-0')
          if (reply) replies.push(reply)
        }
        aggregator.send(end, {
          type: 'failed',
          round,
          attempt,
          code: 'DONE',
          reason: 'the script is over',
          hint: 'none',
        })
      }
      return { ended: true }
    },
  })
  await using stage = roleStage({
    roles: { aggregator: named('aggregator', splitAggregator), 'split-server': splitServer, trainer: client },
    topology: split({ clients: 1 }),
    pool: chainPool({ clients: 1 }),
    settings,
  })
  await stage.ended('aggregator-0')
  return replies
}

test('a server refuses messages that are not due, and goes on', async (t) => {
  const good = { type: 'values', batch: 0, values: some, examples: 2, labels: some, isLast: false } as const
  const values =
    (change: { readonly batch?: number; readonly values?: Float32Array } = {}): Script =>
    (attempt) => ({ ...attempt, ...good, ...change })
  const unlabelled: Script = ({ round, attempt }) => ({
    round,
    attempt,
    type: 'values',
    batch: 0,
    values: some,
    examples: 2,
    isLast: false,
  })
  const gradient: Script = (attempt) => ({ ...attempt, type: 'gradient', batch: 0, gradient: some })
  const codes = async (script: readonly Script[], settings = {}) =>
    (await repliesTo(script, settings)).map((reply) => ('code' in reply ? reply.code : reply.type))
  const refused = ['ROLE_SPLIT_MESSAGE', 'gradient']
  t.deepEqual(await codes([values(), values({ batch: 1 }), values()]), ['gradient', 'gradient', 'gradient'])
  t.deepEqual(await codes([values({ batch: 3 }), values()]), refused)
  t.deepEqual(await codes([gradient, values()]), refused)
  t.deepEqual(await codes([unlabelled, values()]), refused)
  t.deepEqual(await codes([values(), unlabelled], { labels: 'kept' }), ['ROLE_SPLIT_MESSAGE', 'outputs'])
  t.deepEqual(await codes([values({ values: Float32Array.of(Number.NaN, 1) }), values()]), [
    'ROLE_SPLIT_DIVERGED',
    'gradient',
  ])
})
