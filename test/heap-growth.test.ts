import test from 'ava'
import { heapGrowth } from './support/heap-by-round.ts'

/** Most growth in 200 rounds: of a few hundred bytes a round. Without machine code, a run grows by about 5 KiB. */
const mostHeapGrowthBytes = 64 * 1024
/** A leak of one update a round, of 4 kB, would exceed it. What is under way when a process is measured doesn't. */
const mostBufferGrowthBytes = 256 * 1024

for (const [transport, topology] of [
  ['ws', 'two-tier'],
  ['mqtt', 'hierarchical'],
] as const)
  test.serial(
    `the processes of a ${topology} job over ${transport} hold no more after 300 rounds than after 100`,
    async (t) => {
      const run = {
        transport,
        processes: 2,
        code: 'bytecode' as const,
        set: `clients=8,fraction=1,topology=${topology}`,
      }
      const processes = await heapGrowth(run, 100, 300)
      t.is(processes.length, 3)
      for (const { early, late } of processes) {
        const told = JSON.stringify({ early, late })
        t.true(late.heapBytes - early.heapBytes < mostHeapGrowthBytes, told)
        t.true(late.bufferBytes - early.bufferBytes < mostBufferGrowthBytes, told)
        t.true(late.files <= early.files + 2, told)
        t.true(late.handles <= early.handles + 4, told)
      }
    },
  )
