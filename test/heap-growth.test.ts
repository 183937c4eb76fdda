import test from 'ava'
import { heldAtRounds } from './support/heap-by-round.ts'

/** Most growth in 100 rounds: of a few hundred bytes a round. Without machine code, a run grows by about 2 KiB. */
const mostHeapBytes = 32 * 1024
/** A leak of one update a round, of 4 kB, would exceed it. What is under way when a process is measured doesn't. */
const mostBufferBytes = 128 * 1024

for (const [transport, topology] of [
  ['ws', 'two-tier'],
  ['mqtt', 'hierarchical'],
] as const)
  test.serial(`the processes of a ${topology} job over ${transport} hold no more from round to round`, async (t) => {
    const run = {
      transport,
      processes: 2,
      code: 'bytecode' as const,
      set: `clients=8,fraction=1,topology=${topology}`,
    }
    const processes = await heldAtRounds(run, 100, 200, 300, 400)
    t.is(processes.length, 3)
    for (const held of processes) {
      const told = JSON.stringify(held)
      // What is made once, late, grows a process between two of the rounds. A leak grows it between any two.
      const growths = held.slice(1).map((late, index) => {
        const { heapBytes = 0, bufferBytes = 0 } = held[index] ?? {}
        return { heapBytes: late.heapBytes - heapBytes, bufferBytes: late.bufferBytes - bufferBytes }
      })
      t.true(Math.min(...growths.map(({ heapBytes }) => heapBytes)) < mostHeapBytes, told)
      t.true(Math.min(...growths.map(({ bufferBytes }) => bufferBytes)) < mostBufferBytes, told)
      const [first, last] = [held[0], held.at(-1)]
      t.true((last?.files ?? 0) <= (first?.files ?? 0) + 2, told)
      t.true((last?.handles ?? 0) <= (first?.handles ?? 0) + 4, told)
    }
  })
