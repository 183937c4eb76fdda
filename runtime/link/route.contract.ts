import type { TestFn } from 'ava'
import fc from 'fast-check'
import { type DialRoute, mostFrameBytes, type Route } from './frame.ts'

/** A transport that is ready to be dialled. Disposing it closes what it has opened. */
export interface OpenedTransport extends AsyncDisposable {
  readonly dial: DialRoute
}

/** Starts the server that carries routes, and gives each accepted route to `onRoute`. */
export type OpenTransport = (onRoute: (route: Route) => void) => Promise<OpenedTransport>

/** The promises of every transport about its routes. Each transport's test file calls this with its own opening. */
export function routeContract(test: TestFn, name: string, open: OpenTransport): void {
  test(`${name}: frames of any size arrive whole, in order, each once, in both directions`, async (t) => {
    await using pairs = await openPairs(open)
    const lengths = fc.array(
      fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constantFrom(1, 125, 126, 65_535, 65_536, mostFrameBytes)),
      { maxLength: 12 },
    )
    await fc.assert(
      fc.asyncProperty(lengths, lengths, async (there, back) => {
        const [dialled, accepted] = await pairs.next()
        const [atDialled, atAccepted] = [heardBy(dialled), heardBy(accepted)]
        for (const [index, length] of there.entries()) dialled.send(pattern(length, index))
        for (const [index, length] of back.entries()) accepted.send(pattern(length, 100 + index))
        dialled.send(pattern(1, 255))
        accepted.send(pattern(1, 255))
        await Promise.all([atDialled.until(back.length + 1), atAccepted.until(there.length + 1)])
        t.true(areSame(atAccepted.frames.slice(0, -1), there.map(pattern)))
        t.true(
          areSame(
            atDialled.frames.slice(0, -1),
            back.map((length, index) => pattern(length, 100 + index)),
          ),
        )
        dialled.close()
        await atAccepted.lost
      }),
      { numRuns: 20 },
    )
  })

  test(`${name}: 2,000 frames that are sent at once arrive in order`, async (t) => {
    await using pairs = await openPairs(open)
    const [dialled, accepted] = await pairs.next()
    const [atDialled, atAccepted] = [heardBy(dialled), heardBy(accepted)]
    for (let number = 0; number < 2000; number++)
      for (const route of [dialled, accepted]) route.send(numbered(number, 60 + (number % 500)))
    await Promise.all([atDialled.until(2000), atAccepted.until(2000)])
    for (const { frames } of [atDialled, atAccepted])
      t.true(frames.every((frame, index) => numberOf(frame) === index && frame.length === 60 + (index % 500)))
  })

  test(`${name}: a frame belongs to its listener, and its bytes stay as they were sent`, async (t) => {
    await using pairs = await openPairs(open)
    const [dialled, accepted] = await pairs.next()
    const heard = heardBy(accepted)
    for (let index = 0; index < 50; index++) dialled.send(pattern(1000, index))
    await heard.until(50)
    for (const [index, frame] of heard.frames.entries()) {
      t.true(areSame([frame], [pattern(1000, index)]))
      frame.fill(index)
    }
    t.true(heard.frames.every((frame, index) => frame.every((byte) => byte === index)))
  })

  test(`${name}: frames that come before the listener wait for the listener`, async (t) => {
    await using pairs = await openPairs(open)
    const [dialled, accepted] = await pairs.next()
    const atDialled = heardBy(dialled)
    for (let number = 0; number < 5; number++) dialled.send(numbered(number, 100))
    accepted.send(numbered(7, 8))
    await atDialled.until(1)
    // The answer shows that the frames had time to come.
    const late = heardBy(accepted)
    await late.until(5)
    t.deepEqual(late.frames.map(numberOf), [0, 1, 2, 3, 4])
  })

  for (const closing of ['dialled', 'accepted'] as const)
    test(`${name}: the ${closing} end closes after its last frame, and the other end hears both once`, async (t) => {
      await using pairs = await openPairs(open)
      const [dialled, accepted] = await pairs.next()
      const [own, other] = closing === 'dialled' ? [dialled, accepted] : [accepted, dialled]
      const [atOwn, atOther] = [heardBy(own), heardBy(other)]
      own.send(numbered(1, 100))
      own.send(numbered(2, mostFrameBytes))
      own.close()
      own.close()
      own.send(numbered(3, 100))
      await atOther.lost
      t.deepEqual(atOther.frames.map(numberOf), [1, 2])
      other.send(numbered(4, 100))
      other.close()
      // Another route shows that time has passed.
      const [next, following] = await pairs.next()
      const heard = heardBy(following)
      next.send(numbered(5, 100))
      await heard.until(1)
      t.is(atOther.losses(), 1)
      t.deepEqual([atOwn.frames.length, atOwn.losses()], [0, 0])
    })

  test(`${name}: a listener that throws loses its route, with the error as cause, and nothing else`, async (t) => {
    await using pairs = await openPairs(open)
    const [dialled, accepted] = await pairs.next()
    const [, unharmed] = await pairs.next()
    const atDialled = heardBy(dialled)
    const fault = new Error('the listener broke')
    const cause = new Promise<unknown>((resolve) =>
      accepted.listen({
        heard() {
          throw fault
        },
        lost: resolve,
      }),
    )
    dialled.send(numbered(1, 100))
    dialled.send(numbered(2, 100))
    t.is(await cause, fault)
    await atDialled.lost
    unharmed.send(numbered(3, 100))
    t.is(heardBy(unharmed).losses(), 0)
  })

  test(`${name}: an aborted dialling rejects with the reason`, async (t) => {
    await using pairs = await openPairs(open)
    const reason = new Error('enough')
    await t.throwsAsync(pairs.dial('control', AbortSignal.abort(reason)), { is: reason })
  })
}

/** Routes in pairs: the dialled end and the accepted end. */
export async function openPairs(open: OpenTransport) {
  const accepted: Route[] = []
  let waiting: ((route: Route) => void) | undefined
  const opened = await open((route) => {
    if (!waiting) return void accepted.push(route)
    waiting(route)
    waiting = undefined
  })
  return {
    dial: opened.dial,
    async next(): Promise<readonly [Route, Route]> {
      const dialled = await opened.dial('control', new AbortController().signal)
      const ready = accepted.shift()
      return [dialled, ready ?? (await new Promise<Route>((resolve) => (waiting = resolve)))]
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  }
}

/** Listens to a route, and keeps the frames. */
export function heardBy(route: Route) {
  const frames: Uint8Array<ArrayBuffer>[] = []
  let losses = 0
  let awaited: { readonly count: number; readonly reached: () => void } | undefined
  const lost = new Promise<Error | undefined>((resolve) =>
    route.listen({
      heard(frame) {
        frames.push(frame)
        if (awaited && frames.length >= awaited.count) awaited.reached()
      },
      lost(cause) {
        losses += 1
        resolve(cause)
      },
    }),
  )
  return {
    frames,
    lost,
    losses: () => losses,
    /** Waits for this number of frames. */
    async until(count: number): Promise<void> {
      if (frames.length < count) await new Promise<void>((reached) => (awaited = { count, reached }))
    },
  }
}

function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(length)
  for (let index = 0; index < length; index++) frame[index] = index * 31 + seed
  return frame
}

function areSame(found: readonly Uint8Array[], expected: readonly Uint8Array[]): boolean {
  return (
    found.length === expected.length &&
    found.every((frame, at) => Buffer.compare(frame, expected[at] ?? new Uint8Array()) === 0)
  )
}

/** A frame with a number in its first bytes. */
function numbered(number: number, length: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(length).fill(number % 251)
  new DataView(frame.buffer).setUint32(0, number)
  return frame
}

function numberOf(frame: Uint8Array<ArrayBuffer>): number {
  return new DataView(frame.buffer, frame.byteOffset).getUint32(0)
}
