import { type AnyRole, type Channel, channelTagged, type RoleContext, role, type Topology } from '../../sdk/index.ts'
import { above } from '../../sdk/role/stock/round-protocol.ts'

/** Two roles joined by one channel: `left`, with one or more tasks, and `right`, which has data. */
export function pairTopology({
  left = 1,
  right = 1,
}: {
  readonly left?: number
  readonly right?: number
} = {}): Topology {
  return {
    schema: {
      name: 'pair',
      roles: [
        { name: 'left', replica: left },
        { name: 'right', isDataConsumer: true },
      ],
      channels: [{ name: 'link', pair: ['left', 'right'], funcTags: { left: ['use'], right: ['use'] } }],
    },
    dataSpec: [{ role: 'right', datasetGroups: { default: Array.from({ length: right }, (_, index) => `${index}`) } }],
  }
}

export type Script<In> = (channel: Channel<unknown, In>, context: RoleContext) => unknown

/** A role of one round, which runs a script over the role's one channel. */
export function scripted<In>(name: string, accepts: (message: unknown) => message is In, script: Script<In>): AnyRole {
  return role({
    name,
    open: (channel) => channel(channelTagged<unknown, In>(accepts, 'use')),
    init: () => ({ done: false }),
    isState: (value): value is { done: boolean } => typeof value === 'object' && value !== null && 'done' in value,
    done: ({ done }) => done,
    async round(_, context) {
      await script(context.channels, context)
      return { done: true }
    },
  })
}

/** A scripted role whose messages are numbers. */
export function numbers(name: string, script: Script<number>): AnyRole {
  return scripted(name, (message): message is number => typeof message === 'number', script)
}

/**
 * A trainer. A training at an end of `slow` takes a second of the system's clock. An end of `leaving` leaves when it is
 * asked to train; an end of `silent` never answers.
 */
export function slowTrainer(
  slow: readonly string[],
  leaving: readonly string[] = [],
  silent: readonly string[] = [],
): AnyRole {
  return role({
    name: 'trainer',
    open: (channel) => channel(above),
    init: () => ({ done: false }),
    isState: (value): value is { done: boolean } => typeof value === 'object' && value !== null && 'done' in value,
    done: ({ done }) => done,
    async round(_, { channels, strategy, learner, random, end: self, sleep }) {
      const { end, message } = await channels.recvAny()
      if (message.type !== 'train') return { done: true }
      const { round, weights, terms } = message
      if (leaving.includes(self)) {
        channels.leave()
        return { done: true }
      }
      if (silent.includes(self)) return { done: false }
      if (slow.includes(self)) await sleep(1000)
      const given = { end: self, round, weights, terms }
      const { contribution } = await strategy.client.train(given, null, learner, random(round, 'client'))
      channels.send(end, { type: 'contribution', round, contribution }, { keep: false })
      return { done: false }
    },
  })
}
