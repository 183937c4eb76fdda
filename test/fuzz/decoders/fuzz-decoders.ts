import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import type { Checked, Fault } from './decoder.ts'
import type { DecoderWork } from './decoder-worker.ts'
import { decodersIn } from './decoders.ts'

/** A decoder that takes longer than this for an input of 64 KiB hangs, on any machine. */
const hangMs = 60_000

/** Shortest useful time for fuzzing one decoder. */
const leastMs = 5000

/**
 * The milliseconds for each of `count` decoders: an even share of `minutes`, but at least 5 s; or `each` minutes for each
 * decoder, if `each` is given.
 */
export function timeForEach({ minutes, each }: { minutes: number; each?: number }, count: number): number {
  return each === undefined ? Math.max(leastMs, (minutes * 60_000) / count) : each * 60_000
}

/** Fuzzes all decoders or the named decoders, one after another, and prints the faults. False if there is a fault. */
export async function fuzzDecoders(args: string[], print: (text: string) => void): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      minutes: { type: 'string', default: '10' },
      each: { type: 'string' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      path: { type: 'string' },
    },
  })
  await using folder = await temporaryFolder()
  const known = (await decodersIn(folder.path)).map(({ name }) => name)
  const unknown = positionals.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw new Error(`no decoder is named ${unknown.join(', ')}; there are ${known.join(', ')}`)
  const names = positionals.length > 0 ? positionals : known
  const seed = Number(values.seed)
  const each = values.each === undefined ? {} : { each: Number(values.each) }
  const options = {
    seed,
    ...(values.path === undefined ? {} : { path: values.path }),
    cases: 1_000_000_000,
    milliseconds: timeForEach({ minutes: Number(values.minutes), ...each }, names.length),
  }
  print(`seed ${seed}\n`)
  let isWell = true
  for (const name of names) {
    const { cases, accepted, refused, fault } = await inWorker({ ...options, name, present: new SharedArrayBuffer(4) })
    print(`${name.padEnd(28)} ${cases} cases, ${accepted} accepted, ${refused} refused, ${fault ? 1 : 0} faults\n`)
    if (!fault) continue
    isWell = false
    print(`  again: npm run fuzz -- decoders ${name} --seed ${fault.seed} --path ${fault.path}\n`)
    print(`${fault.found.replace(/^/gm, '  ')}\n`)
  }
  return isWell
}

/** Makes a hang, or the end of the thread, a fault of the present case. */
function inWorker(work: DecoderWork): Promise<Checked> {
  const present = new Int32Array(work.present)
  const worker = new Worker(new URL('./decoder-worker.js', import.meta.url), { workerData: work })
  return new Promise((resolve) => {
    let last = -1
    const watch = setInterval(() => {
      const at = Atomics.load(present, 0)
      if (at === last && at > 0) end(`it has taken more than ${hangMs / 1000} s`)
      last = at
    }, hangMs)
    worker.once('message', (checked: Checked) => {
      clearInterval(watch)
      resolve(checked)
    })
    worker.once('error', (cause: unknown) =>
      end(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)),
    )

    function end(found: string): void {
      clearInterval(watch)
      void worker.terminate()
      const cases = Atomics.load(present, 0)
      const fault: Fault = { seed: work.seed, path: String(Math.max(0, cases - 1)), found }
      resolve({ cases, accepted: 0, refused: 0, fault })
    }
  })
}
