import { readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

/** The memory of a process's main thread, after garbage was collected. */
export interface HeldByProcess {
  readonly heapBytes: number
  /** Of array buffers, which lie outside the heap. */
  readonly bufferBytes: number
  /** Of the whole process. */
  readonly rssBytes: number
  readonly files: number
  /** Timers, sockets and the like that are active. */
  readonly handles: number
}

/** The file of a process's answer to its measurement of this number. */
export const heapFile = (pid: number, number: number) => `${pid}-${number}.json`

/** What the first collection finalizes, the next one frees. */
const collections = 3

// Node loads this program before another, with --import. On SIGUSR2 it measures the process, and writes the answer to
// a file of the folder FLAME_HEAPS. With FLAME_HEAPS_CODE=bytecode it has the engine make no machine code, which would
// lie in the heap, and grows for hundreds of rounds.
const folder = process.env.FLAME_HEAPS
if (folder !== undefined && isMainThread) {
  if (process.env.FLAME_HEAPS_CODE === 'bytecode')
    for (const flag of ['--no-opt', '--no-sparkplug', '--no-maglev', '--no-flush-bytecode']) setFlagsFromString(flag)
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  let number = 0
  process.on('SIGUSR2', () => {
    number += 1
    for (let time = 0; time < collections; time++) collect()
    const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
    const held: HeldByProcess = {
      heapBytes: heapUsed,
      bufferBytes: arrayBuffers,
      rssBytes: rss,
      files: readdirSync('/proc/self/fd').length,
      handles: process.getActiveResourcesInfo().length,
    }
    const file = join(folder, heapFile(process.pid, number))
    writeFileSync(`${file}.part`, JSON.stringify(held))
    renameSync(`${file}.part`, file)
  })
}
