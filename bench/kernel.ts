import type { Suite } from './figure.ts'
import { own } from './kernel/own.ts'
import { rawNact } from './kernel/raw-nact.ts'
import { mediansOfBoth } from './median.ts'

/** Compares the actor kernel with raw nact. Where nact would take minutes, it gets fewer messages. */
export const kernelSuite: Suite = async (report) => {
  const compare = async (
    figure: string,
    unit: string,
    ours: () => Promise<number>,
    nacts: () => Promise<number>,
  ): Promise<void> => {
    const { first: value, second: baseline } = await mediansOfBoth(ours, nacts)
    report({ figure, value, unit, baseline, ratio: value / baseline })
  }

  await compare(
    'kernel.tell',
    'messages/s',
    () => own.tell(1_000_000),
    () => rawNact.tell(50_000),
  )
  await compare(
    'kernel.tell-wide-parent',
    'messages/s',
    () => own.tellWideParent(1_000_000, 10_000),
    () => rawNact.tellWideParent(100, 10_000),
  )
  await compare(
    'kernel.ask',
    'round trips/s',
    () => own.ask(20_000),
    () => rawNact.ask(20_000),
  )
  await compare(
    'kernel.ping-pong',
    'round trips/s',
    () => own.pingPong(100_000),
    () => rawNact.pingPong(20_000),
  )
  await compare(
    'kernel.spawn',
    'actors/s',
    () => own.spawn(50_000),
    () => rawNact.spawn(50_000),
  )
  await compare(
    'kernel.fan-out',
    'messages/s',
    () => own.fanOut(100_000),
    () => rawNact.fanOut(100_000),
  )

  const value = await own.bytesPerActor(100_000)
  const baseline = await rawNact.bytesPerActor(100_000)
  report({ figure: 'kernel.bytes-per-actor', value, unit: 'B', baseline, ratio: baseline / value })
}
