import { parentPort, workerData } from 'node:worker_threads'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import type { CheckOptions } from './decoder.ts'
import { decodersIn } from './decoders.ts'

/** Runs one decoder in a thread of its own, which can be ended even if an input makes the decoder hang. */
export interface DecoderWork extends Omit<CheckOptions, 'begins'> {
  readonly name: string
  /** Shared memory with the number of the present case. */
  readonly present: SharedArrayBuffer
}

const { name, present, ...options }: DecoderWork = workerData
const count = new Int32Array(present)
await using folder = await temporaryFolder()
const decoder = (await decodersIn(folder.path)).find((each) => each.name === name)
if (!decoder) throw new Error(`there is no decoder ${name}`)
const checked = await decoder.check({ ...options, begins: () => void Atomics.add(count, 0, 1) })
parentPort?.postMessage(checked, [])
