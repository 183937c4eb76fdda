import { createInterface } from 'node:readline'
import { type TrainCase, trainCase } from './cases.ts'

/** Trains for about so many seconds; answers with samples per second. */
export type Slice = (seconds: number) => Promise<number>

/** What a trainer process answers to the name of a case. */
export type SliceReply =
  | { readonly case: string; readonly samplesPerSecond: number }
  | { readonly case: string; readonly failed: string }

const sliceSeconds = 1

/**
 * Reads the name of a case a line from standard input, and answers each with one slice as a JSON line, as
 * bench/peers/train_torch.py does: so others can be measured between. A case is prepared, and warmed up, at its first name.
 */
export async function serveSlices(prepare: (which: TrainCase) => Promise<Slice>): Promise<void> {
  const prepared = new Map<string, Slice>()
  const answer = async (name: string): Promise<SliceReply> => {
    try {
      const slice = prepared.get(name) ?? (await prepare(trainCase(name)))
      if (!prepared.has(name)) await slice(sliceSeconds / 2)
      prepared.set(name, slice)
      return { case: name, samplesPerSecond: await slice(sliceSeconds) }
    } catch (error) {
      return { case: name, failed: error instanceof Error ? error.message : String(error) }
    }
  }
  for await (const name of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(name)))
}
