import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import type { JobFault } from '../../actors/model/index.ts'
import { allPages } from '../../api/client/index.ts'
import { type RandomStream, randomStream } from '../../sdk/index.ts'
import type { CommandContext } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import { onStopSignals } from '../exit.ts'
import { wholeNumberOf } from '../up/up-options.ts'

interface RawChaosOptions {
  readonly kill?: string
  readonly cut?: string
  readonly delay?: string
  readonly seed: string
  readonly for?: string
}

/** Faults of one kind, and how often they come. */
interface Kind {
  readonly type: JobFault['type']
  readonly everyMs: number
  readonly delayMs?: number
}

const minuteMs = 60_000

/** `flamectl chaos`: makes faults in a running job, at times and places that a seed decides. */
export function chaosCommand({ connect, print, warn }: CommandContext): Command {
  return new Command('chaos')
    .argument('<jobId>')
    .description(
      "make faults in a running job, which should bear them: its models are the same as without. Where callers are asked for a token, the job owner's needs the scope chaos, besides user",
    )
    .option('--kill <rate>', 'end processes of tasks, for example 0.1/min')
    .option('--cut <rate>', 'break connections of flamelets, for example 2/min')
    .option('--delay <rate,ms>', 'slow connections of flamelets down for a while, for example 1/min,200')
    .option('--seed <number>', 'decides times and places', '1')
    .option('--for <seconds>', 'how long; default: until the job is at rest')
    .action(async (jobId: string, raw: RawChaosOptions) => {
      const kinds = kindsOf(raw)
      const seed = wholeNumberOf('--seed', raw.seed, 0, 2 ** 32 - 1)
      const untilMs =
        raw.for === undefined
          ? Number.POSITIVE_INFINITY
          : performance.now() + 1000 * wholeNumberOf('--for', raw.for, 1, 1_000_000)
      const { client, user } = await connect()
      const tasks: { readonly id: string; readonly role: string }[] = []
      for await (const { taskId: id, role } of allPages((after) =>
        client.getTasks({ user, jobId, query: { ...after } }),
      ))
        tasks.push({ id, role })
      const stopping = new AbortController()
      onStopSignals(() => stopping.abort())
      const stateNow = async () => (await client.getJobStatus({ user, jobId })).state
      const isUnderWay = async () => (await stateNow()) === 'running'
      const state = await stateNow()
      if (state !== 'running') return warn(`job ${jobId} is ${state}: only a running job gets faults`)
      const counts = { made: 0, refused: 0 }
      await Promise.all(kinds.map((kind) => make(kind, randomStream(seed, 'chaos', kind.type))))
      warn(`faults made: ${counts.made}, refused: ${counts.refused}`)

      async function make({ type, everyMs, delayMs }: Kind, random: RandomStream): Promise<void> {
        for (;;) {
          // Times between faults that don't depend on each other.
          const waitMs = -Math.log(1 - random.uniform()) * everyMs
          const task = tasks[random.below(tasks.length)]
          if (performance.now() + waitMs > untilMs) return
          await setTimeout(waitMs, undefined, { signal: stopping.signal }).catch(() => {})
          if (!task || stopping.signal.aborted || !(await isUnderWay())) return
          const fault = { type, task: task.id, ...(delayMs === undefined ? {} : { delayMs }) }
          const told = await client.makeFault({ user, jobId, body: fault }).then(
            (place) => ({ ...fault, place }),
            (cause: unknown) => ({ ...fault, refused: cause instanceof Error ? cause.message : String(cause) }),
          )
          counts['place' in told ? 'made' : 'refused'] += 1
          const where = 'place' in told ? `at ${told.place}` : `not made: ${told.refused}`
          print.event(`${type} ${task.role} ${task.id} ${where}`, told)
        }
      }
    })
}

/** OPTION_VALUE */
function kindsOf({ kill, cut, delay }: RawChaosOptions): readonly Kind[] {
  const [rate, delayMs] = delay?.split(',') ?? []
  const kinds: Kind[] = [
    ...(kill === undefined ? [] : [{ type: 'kill', everyMs: everyMsOf('--kill', kill) } as const]),
    ...(cut === undefined ? [] : [{ type: 'cut', everyMs: everyMsOf('--cut', cut) } as const]),
    ...(rate === undefined
      ? []
      : [
          {
            type: 'delay',
            everyMs: everyMsOf('--delay', rate),
            delayMs: wholeNumberOf('--delay', delayMs ?? '100', 0, 60_000),
          } as const,
        ]),
  ]
  if (kinds.length === 0) throw rateError('chaos', '--kill, --cut or --delay', 'none')
  return kinds
}

function everyMsOf(option: string, given: string): number {
  const [, number = '0'] = /^(\d+(?:\.\d+)?)\/min$/.exec(given) ?? []
  const rate = Number(number)
  if (rate > 0 && rate <= 6000) return minuteMs / rate
  throw rateError(option, 'a rate such as 0.1/min, at most 6000/min', given)
}

function rateError(option: string, expected: string, given: string): Error {
  return flamectlError('OPTION_VALUE', { option, expected, given: JSON.stringify(given) })
}
