import { createInterface } from 'node:readline'
import { type TrainCase, trainCase } from './cases.ts'

/** Trains for about this number of seconds; answers with samples per second. */
export type Slice = (seconds: number) => Promise<number>

/** A trainer process's answer to the name of a case. */
export type SliceReply =
  | { readonly case: string; readonly samplesPerSecond: number }
  | { readonly case: string; readonly failed: string }

const sliceSeconds = 1

/**
 * Reads names of cases from standard input, one a line, and answers each name with the result of one slice, as a JSON
 * line, as bench/peers/train_torch.py does. Between two slices other trainers can be measured. A case is prepared and
 * warmed up when its name first comes.
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
