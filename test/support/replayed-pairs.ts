import type { CountedWork } from '../../sdk/registry/registry.ts'
import { mixed } from '../../sdk/role/stock/gossip-mixing.ts'

/** A finished job whose ends have averaged their models in pairs. */
export interface PairsToReplay {
  readonly ends: readonly string[]
  readonly rounds: number
  readonly initial: Float32Array
  /** Trainings and exchanges of an end's round, in their order, as the lineage of the round's model has them. */
  readonly orderOf: (end: string, round: number) => readonly CountedWork[]
  /** Trains an end's model from the start of a round. */
  readonly train: (end: string, round: number, start: Float32Array) => Promise<Float32Array>
}

export interface ReplayedPairs {
  /** By end: the models of its rounds. */
  readonly models: ReadonlyMap<string, readonly Float32Array[]>
  readonly exchanges: number
}

interface ReplayedEnd {
  now: Float32Array
  /** The model with which the round before has ended. */
  start: Float32Array
  /** What the present round has left, and the rounds after it. */
  left: CountedWork[][]
  readonly models: Float32Array[]
}

/**
 * Computes the models of ends again, from the orders of their trainings and exchanges alone: an exchange happens when it
 * is next at both ends, with its numbers at both. Throws if an exchange is in the order of one end alone.
 */
export async function replayedPairs({ ends, rounds, initial, orderOf, train }: PairsToReplay): Promise<ReplayedPairs> {
  const replayed = new Map<string, ReplayedEnd>(
    ends.map((end) => {
      const left = Array.from({ length: rounds }, (_, round) => [...orderOf(end, round + 1)])
      return [end, { now: initial, start: initial, left, models: [] }]
    }),
  )
  let exchanges = 0
  for (let hasMoved = true; hasMoved; ) {
    hasMoved = false
    for (const [name, end] of replayed) {
      const next = end.left[0]?.[0]
      const other = next && next.end !== name ? replayed.get(next.end) : undefined
      if (next?.end === name) {
        const trained = await train(name, next.dispatch, end.start)
        move(
          end,
          end.now.map((value, i) => value + (trained[i]! - end.start[i]!)),
        )
      } else if (next && other && isSame(next, name, other.left[0]?.[0])) {
        const pair = mixed([end.now, other.now].map((weights) => ({ weight: 0.5, weights })))
        move(end, pair)
        move(other, pair)
        exchanges += 1
      } else continue
      hasMoved = true
    }
  }
  for (const [name, { left }] of replayed) {
    const [next] = left.flat()
    if (next)
      throw new Error(`${name} has an exchange with ${next.end} that ${next.end} lacks: ${JSON.stringify(next)}`)
  }
  return { models: new Map([...replayed].map(([name, { models }]) => [name, models])), exchanges }
}

/** Whether the next work of another end is the exchange of this end that is next, too. */
function isSame({ dispatch, version }: CountedWork, name: string, there: CountedWork | undefined): boolean {
  return there?.end === name && there.version === dispatch && there.dispatch === version
}

/** Takes the next of an end's round, and begins the next round after the last one. */
function move(end: ReplayedEnd, weights: Float32Array): void {
  end.now = weights
  end.left[0]?.shift()
  if (end.left[0]?.length !== 0) return
  end.left.shift()
  end.start = weights
  end.models.push(weights)
}
