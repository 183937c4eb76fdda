import { type DurableStore, decode, encode, fieldsOf, isCount, isNumber, isObject } from '../../runtime/index.ts'
import type { OwnGenerations, OwnPlace } from '../../sdk/index.ts'
import { simulationError } from '../errors.ts'
import type { SavedStation } from './aggregators/station.ts'
import type { PopulationMemory } from './device-population.ts'
import type { FleetRound } from './fleet-run.ts'

/** A flight under way at a checkpoint, without its assignment, which its aggregator repeats. */
export interface SavedFlight {
  readonly order: number
  readonly work: number
  readonly device: number
  readonly start: number
  readonly at: number
  readonly isLost: boolean
  readonly isStale: boolean
  /** Absent: no. */
  readonly isQueued?: boolean
  readonly received: number
  readonly expected: number
}

/** An aggregator between two rounds. */
export interface SavedAggregator {
  readonly state: unknown
  /** By channel to devices or to aggregators above them. */
  readonly ports: Readonly<Record<string, SavedPort>>
  /** Where aggregators have limits. */
  readonly station?: SavedStation
}

interface SavedPort {
  readonly memory?: PopulationMemory
  readonly flights?: readonly SavedFlight[]
  /** Devices that have left with their work, which the aggregator hasn't noticed. */
  readonly left?: readonly string[]
}

/** A fleet at rest after a committed round. */
export interface SavedFleet {
  readonly now: number
  readonly orders: number
  readonly works: number
  readonly answerBytes: number
  readonly answers: Uint16Array
  readonly last: Uint32Array
  readonly aggregators: Readonly<Record<string, SavedAggregator>>
}

interface Checkpoint extends SavedFleet {
  /** Number of the checkpoint. */
  readonly number: number
  /** By life of the run, from 1: number of the last checkpoint that the life has made. */
  readonly lives: Readonly<Record<number, number>>
}

/** Checkpoints take at most one part of so many of the time. */
const share = 25

/** The checkpoints of a run, from which it goes on to the same bits at the same virtual times. */
export interface Checkpoints {
  /** The last checkpoint of earlier processes. */
  readonly saved: SavedFleet | undefined
  /** The rounds up to it. */
  readonly rounds: readonly FleetRound[]
  /** The own state of a device. */
  ownOf(end: string): OwnPlace
  /** A round was committed. */
  note(round: FleetRound): void
  /** Whether it is time for a checkpoint. */
  isDue(): boolean
  /** Makes a checkpoint, unless it is too early for one. `must`: in any case. */
  save(fleet: () => SavedFleet, must: boolean): Promise<void>
}

/**
 * Opens the checkpoints of a run in a store. `place` names the store; `every`: number of rounds between checkpoints. A
 * checkpoint is one snapshot; the rounds before the checkpoint are in the journal of its key.
 *
 * @throws SIMULATION_CHECKPOINT where the store has something else.
 */
export async function openCheckpoints(
  store: DurableStore,
  run: string,
  { place, every }: { readonly place: string; readonly every: number | undefined },
): Promise<Checkpoints> {
  const key = `fleet/${run}`
  const found = await store.load(key)
  const decoded = found && decode(found.bytes)
  const saved = isCheckpoint(decoded) ? decoded : undefined
  if (found && !saved) throw simulationError('SIMULATION_CHECKPOINT', { store: place, name: run })
  let version = found?.version ?? 0
  let number = saved?.number ?? 0
  const life = await nextLife(store, `${key}/lives`)
  const rounds: FleetRound[] = []
  for await (const { bytes } of store.read(key)) {
    const round = decode(bytes)
    if (isRound(round) && round.at <= (saved?.now ?? -1)) rounds[round.round - 1] = round
  }
  const own = new OwnStates(store, run, { life, lives: saved?.lives ?? {}, number: () => number })
  let noted: FleetRound[] = []
  let [ended, took] = [Number.NEGATIVE_INFINITY, 0]
  const isDue = () => (every === undefined ? performance.now() - ended >= share * took : noted.length >= every)

  return {
    isDue,
    saved,
    rounds,
    ownOf: (end) => own.of(end),
    note: (round) => noted.push(round),
    async save(fleet, must) {
      const began = performance.now()
      if (!must && !isDue()) return
      const entries = noted
      noted = []
      await Promise.all([own.written(), ...entries.map((round) => store.append(key, encode(round)))])
      number += 1
      const lives = { ...saved?.lives, [life]: number }
      version = await store.save(key, version, encode({ ...fleet(), number, lives } satisfies Checkpoint))
      ended = performance.now()
      took = ended - began
    },
  }
}

/** The number of this life of a run, which is greater than that of each life before. */
async function nextLife(store: DurableStore, key: string): Promise<number> {
  const found = await store.load(key)
  const before = found && decode(found.bytes)
  const life = isNumber(before) ? before + 1 : 1
  await store.save(key, found?.version ?? 0, encode(life))
  return life
}

interface OwnLives {
  readonly life: number
  readonly lives: Readonly<Record<number, number>>
  /** Number of the last checkpoint. */
  readonly number: () => number
}

/** A device's own state, and when it was written: in which life, after how many checkpoints. */
interface Written {
  readonly life: number
  readonly after: number
  readonly own: OwnGenerations
}

/**
 * Own states of devices: the newest one, and the one that the last checkpoint saw. What a life wrote after its last checkpoint
 * counts no more once that life has ended.
 */
class OwnStates {
  readonly #store: DurableStore
  readonly #run: string
  readonly #lives: OwnLives
  readonly #writes = new Set<Promise<unknown>>()

  constructor(store: DurableStore, run: string, lives: OwnLives) {
    this.#store = store
    this.#run = run
    this.#lives = lives
  }

  of(end: string): OwnPlace {
    const key = `fleet/${this.#run}/own/${end}`
    let version = 0
    let seen: Written | undefined
    return {
      load: async () => {
        const found = await this.#store.load(key)
        version = found?.version ?? 0
        const { newest, before } = fieldsOf(found && decode(found.bytes))
        const valid = [newest, before].filter(isWritten).filter((written) => this.#counts(written))
        seen = valid.find((written) => this.#isSeen(written))
        return valid[0]?.own
      },
      save: (own) => {
        const newest: Written = { life: this.#lives.life, after: this.#lives.number(), own }
        const write = this.#store.save(key, version, encode({ newest, before: seen }))
        this.#writes.add(write)
        return write
          .then((next) => {
            version = next
          })
          .finally(() => this.#writes.delete(write))
      },
    }
  }

  /** Resolves once all begun writes are durable. */
  async written(): Promise<void> {
    await Promise.all(this.#writes)
  }

  #counts({ life, after }: Written): boolean {
    return life === this.#lives.life || after < (this.#lives.lives[life] ?? 0)
  }

  #isSeen({ life, after }: Written): boolean {
    return life !== this.#lives.life || after < this.#lives.number()
  }
}

function isWritten(value: unknown): value is Written {
  const { life, after, own } = fieldsOf(value)
  return isCount(life) && isCount(after) && isObject(own)
}

function isCheckpoint(value: unknown): value is Checkpoint {
  const { number, lives, now, orders, works, answerBytes, answers, last, aggregators } = fieldsOf(value)
  return (
    [number, now, orders, works, answerBytes].every(isNumber) &&
    isObject(lives) &&
    isObject(aggregators) &&
    answers instanceof Uint16Array &&
    last instanceof Uint32Array
  )
}

function isRound(value: unknown): value is FleetRound {
  const { round, at, hash } = fieldsOf(value)
  return isCount(round) && isNumber(at) && typeof hash === 'string'
}
