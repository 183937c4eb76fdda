import { heldAtRounds } from '../test/support/heap-by-round.ts'
import type { Suite } from './figure.ts'

/** Compares what the processes of a job hold after 1,000 rounds and after 100. Ratios below 0.95 are growth above 5 %. */
export const linkHeapSuite: Suite = async (report) => {
  for (const transport of ['ws', 'mqtt']) {
    const run = { transport, processes: 2, set: 'clients=8,fraction=1' }
    for (const [process, [early, late]] of (await heldAtRounds(run, 100, 1000)).entries()) {
      if (early === undefined || late === undefined) continue
      const name = `link-heap.${transport}-${process === 0 ? 'run' : `host-${process}`}`
      for (const [what, unit] of [
        ['heapBytes', 'B'],
        ['bufferBytes', 'B'],
        ['rssBytes', 'B'],
        ['files', 'files'],
      ] as const)
        report({
          figure: `${name}-${what.replace('Bytes', '')}`,
          value: late[what],
          unit,
          baseline: early[what],
          ratio: early[what] / late[what],
        })
    }
  }
}
