import { type PackedError, packError, unpackError } from '../../runtime/index.ts'
import type { Update } from '../learn/learner.ts'
import type { HeldUpdate } from '../learn/role-learner.ts'
import {
  type Accumulator,
  type DeltaHolder,
  HeldDelta,
  type PartialSum,
  type Quanta,
  type SumName,
  type WeightedDelta,
} from '../sum/accumulator.ts'
import { type DeltaPeak, peakOf } from '../sum/vector-passes.ts'
import { accumulator } from '../sum/wasm-accumulator.ts'
import type { Layout } from '../weights/layout.ts'

/** A holder's description of a vector that it keeps. */
export interface HeldVector {
  /** Identifies the vector in its holder. */
  readonly id: number
  readonly length: number
  readonly peak: DeltaPeak
}

/** A holder's description of an update whose vectors it keeps. */
export interface HeldReceipt extends Omit<Update, 'delta' | 'vectors'> {
  readonly delta: HeldVector
  readonly vectors?: Readonly<Record<string, HeldVector>>
}

/** Messages to a holder about the vectors that it keeps. The holder answers `collect` and `take`. */
export type HeldMessage =
  | {
      readonly type: 'add'
      readonly id: number
      readonly sum: SumName
      readonly weight: number
      readonly quanta: Quanta
    }
  | { readonly type: 'drop'; readonly id: number }
  | { readonly type: 'take'; readonly id: number }
  | { readonly type: 'collect'; readonly sum: SumName }

export type HeldReply =
  | { readonly type: 'taken'; readonly id: number; readonly delta: Float32Array | PackedError }
  | { readonly type: 'collected'; readonly sum: SumName; readonly part: PartialSum | PackedError }

/** One thread's vectors until they are added, taken or dropped, and its parts of sums until they are collected. */
export interface HeldSums {
  /**
   * Trains, and keeps the update. The training may write its delta into the array from `into`; another delta is copied,
   * since the learner may reuse its array.
   */
  trained(train: (into: () => Float32Array) => Promise<Update>): Promise<HeldReceipt>
  receive(message: HeldMessage): HeldReply | undefined
}

/** Number of waiting vectors at which they are added together. */
const mostWaiting = 4

interface OwnSum {
  readonly number: number
  readonly quantumBits: number
  readonly sum: Accumulator
  /**
   * Vectors that are not added yet. One pass adds several, when `mostWaiting` is reached, when memory is needed, or
   * when the sum is collected.
   */
  readonly waiting: (WeightedDelta & { readonly delta: Float32Array })[]
  /** The first fault in adding. Reported when the sum is collected, since a part of the sum is lost. */
  fault?: unknown
}

/** @param shared Whether parts of sums lie in memory that other threads read. Otherwise they are copied. */
export function heldSums(layout: Layout, { shared }: { readonly shared: boolean }): HeldSums {
  const vectors = new Map<number, Float32Array>()
  const sums = new Map<string, OwnSum>()
  /** Arrays of added or dropped vectors. They are reused, since garbage of this size piles up. */
  const free: Float32Array[] = []
  let ids = 0

  function roomFor(): Float32Array {
    if (free.length === 0) for (const own of sums.values()) addWaiting(own)
    return free.pop() ?? new Float32Array(layout.size)
  }

  function held(values: Float32Array): HeldVector {
    const id = ids++
    vectors.set(id, values)
    return { id, length: values.length, peak: peakOf(values) }
  }

  function copied(values: Float32Array): Float32Array {
    const room = roomFor()
    room.set(values)
    return room
  }

  function leaving(id: number): Float32Array {
    const vector = vectors.get(id)
    if (!vector) throw new RangeError(`vector ${id} isn't kept any more`)
    vectors.delete(id)
    return vector
  }

  /** Finds a sum or begins it. A new sum takes over the memory of the previous one of its name. */
  function begun({ name, number }: SumName, { quantumBits, weightBits }: Quanta): OwnSum {
    const known = sums.get(name)
    if (known?.number === number) return known
    const sum =
      known?.quantumBits === quantumBits ? known.sum : accumulator({ layout, quantumBits, weightBits, shared })
    // A new number means that the previous sum was given up, with the vectors that wait for it.
    for (const { delta } of known?.waiting ?? []) free.push(delta)
    sum.reset()
    const own = { number, quantumBits, sum, waiting: [] }
    sums.set(name, own)
    return own
  }

  function add({ id, sum, weight, quanta }: Extract<HeldMessage, { type: 'add' }>): void {
    const own = begun(sum, quanta)
    try {
      own.waiting.push({ end: `held vector ${id}`, delta: leaving(id), weight })
    } catch (error) {
      own.fault ??= error
    }
    if (own.waiting.length === mostWaiting) addWaiting(own)
  }

  function addWaiting(own: OwnSum): void {
    const waiting = own.waiting.splice(0)
    own.fault ??= own.sum.addAll(waiting).find((refusal) => refusal !== undefined)
    for (const { delta } of waiting) free.push(delta)
  }

  function taken(id: number): Float32Array | PackedError {
    try {
      return leaving(id)
    } catch (error) {
      return packError(error)
    }
  }

  function collected({ name, number }: SumName): PartialSum | PackedError {
    const own = sums.get(name)
    if (own?.number !== number) return packError(new RangeError(`there is no sum ${name} ${number}`))
    addWaiting(own)
    return own.fault === undefined ? own.sum.partial() : packError(own.fault)
  }

  return {
    async trained(train) {
      let taken: Float32Array | undefined
      // The room is taken late: vectors held earlier may be added meanwhile, which frees their memory.
      const roomOf = () => {
        taken ??= roomFor()
        return taken
      }
      const { delta, vectors: others, ...update } = await train(roomOf)
      const room = roomOf()
      if (delta !== room) room.set(delta)
      const more = others ? Object.entries(others).map(([name, values]) => [name, held(copied(values))] as const) : []
      const receipt = { delta: held(room), ...update }
      return more.length > 0 ? { ...receipt, vectors: Object.fromEntries(more) } : receipt
    },
    receive(message) {
      switch (message.type) {
        case 'add':
          add(message)
          return undefined
        case 'drop':
          if (vectors.has(message.id)) free.push(leaving(message.id))
          return undefined
        case 'take':
          return { type: 'taken', id: message.id, delta: taken(message.id) }
        case 'collect':
          return { type: 'collected', sum: message.sum, part: collected(message.sum) }
      }
    },
  }
}

/** A thread that keeps vectors: a worker, or this one. */
export interface HoldingThread extends DeltaHolder {
  tell(message: Extract<HeldMessage, { type: 'add' | 'drop' }>): void
  /** Moves a vector to this thread. Rejects with LEARN_WORKER_DIED where the worker has ended. */
  take(id: number): Promise<Float32Array>
}

/** Drops a vector in its thread when its HeldDelta is garbage: neither added nor taken, and unreachable. */
const forgotten = new FinalizationRegistry<{ readonly thread: HoldingThread; readonly id: number }>(({ thread, id }) =>
  thread.tell({ type: 'drop', id }),
)

class ThreadDelta extends HeldDelta {
  readonly length: number
  readonly peak: DeltaPeak
  readonly holder: HoldingThread
  readonly #id: number

  constructor(holder: HoldingThread, { id, length, peak }: HeldVector) {
    super()
    this.holder = holder
    this.length = length
    this.peak = peak
    this.#id = id
    forgotten.register(this, { thread: holder, id }, this)
  }

  protected addThere(sum: SumName, weight: number, quanta: Quanta): void {
    forgotten.unregister(this)
    this.holder.tell({ type: 'add', id: this.#id, sum, weight, quanta })
  }

  protected takeThere(): Promise<Float32Array> {
    forgotten.unregister(this)
    return this.holder.take(this.#id)
  }
}

/** Makes a function that trains, and gives the update of which the thread keeps the vectors. */
export type Hold = (layout: Layout) => (train: (into: () => Float32Array) => Promise<Update>) => Promise<HeldUpdate>

/** Holds vectors in this thread. */
export const holdingHere: Hold = (layout) => {
  const held = heldSums(layout, { shared: false })
  const here = holderOf(held)
  return async (train) => heldUpdate(here, await held.trained(train))
}

function holderOf(held: HeldSums): HoldingThread {
  return {
    tell: (message) => void held.receive(message),
    async take(id) {
      const reply = held.receive({ type: 'take', id })
      if (reply?.type === 'taken' && reply.delta instanceof Float32Array) return reply.delta
      throw faultOf(reply)
    },
    async collect(sum) {
      const reply = held.receive({ type: 'collect', sum })
      if (reply?.type === 'collected' && 'sum' in reply.part) return reply.part
      throw faultOf(reply)
    },
  }
}

function faultOf(reply: HeldReply | undefined): unknown {
  const fault = reply?.type === 'taken' ? reply.delta : reply?.part
  return fault && 'message' in fault ? unpackError(fault) : new TypeError('a holder gave no answer')
}

/** The update of a thread that keeps the update's vectors. */
export function heldUpdate(thread: HoldingThread, { delta, vectors, ...update }: HeldReceipt): HeldUpdate {
  const here = { delta: new ThreadDelta(thread, delta), ...update }
  if (!vectors) return here
  const others = Object.entries(vectors).map(([name, vector]) => [name, new ThreadDelta(thread, vector)] as const)
  return { ...here, vectors: Object.fromEntries(others) }
}
