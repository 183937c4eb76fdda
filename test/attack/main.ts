import { parseArgs } from 'node:util'
import { type Attack, attacks } from './attacks.ts'
import { openTarget } from './target.ts'
import { type Watched, watched } from './watched.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { size: { type: 'string', default: '1' } },
})
const size = Number(values.size)
/** Longest time that another user may have to wait. */
const goalMs = 250
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`

const known = attacks.map(({ name }) => name)
const unknown = positionals.find((name) => !known.includes(name))
if (unknown !== undefined) throw new Error(`no attack ${unknown}: there are ${known.join(', ')}`)

let faults = 0
for (const attack of attacks) {
  if (positionals.length > 0 && !positionals.includes(attack.name)) continue
  await report(attack)
}
process.exitCode = faults === 0 ? 0 : 1

async function report(attack: Attack): Promise<void> {
  await using target = await openTarget()
  const wrong: string[] = []
  const seen = await watched(target, async () => {
    wrong.push(...(await attack.run(target, size)))
  })
  const ended = target.ended()
  if (ended !== undefined) wrong.push(`the server ended: ${ended}`)
  console.log(`${attack.name}: ${attack.what}`)
  console.log(`  ${lineOf(seen)}`)
  for (const fault of wrong) console.log(`  WRONG ${fault}`)
  faults += wrong.length
}

function lineOf({ stallMs, requests, refused, before, peakBytes, after }: Watched): string {
  return [
    `longest stall ${stallMs.toFixed(0)} ms (goal ${goalMs}: ${stallMs <= goalMs ? 'held' : 'missed'})`,
    `${refused} of ${requests} requests of another user refused`,
    `memory +${megabytes(after.memoryBytes - before.memoryBytes)}, at its peak +${megabytes(peakBytes - before.memoryBytes)}`,
    `disk +${megabytes(after.diskBytes - before.diskBytes)}`,
    `handles ${before.handles} → ${after.handles}`,
  ].join('; ')
}
