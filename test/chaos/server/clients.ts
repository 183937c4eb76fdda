import type { RandomStream } from '../../../sdk/index.ts'
import type { Finding, Ledger } from './ledger.ts'
import type { Lives, Said } from './lives.ts'

export interface Load {
  readonly lives: Lives
  readonly ledger: Ledger
  /** Makes the body of a job with a number of clients. */
  readonly jobOn: (clients: number) => object
  readonly ends: AbortSignal
  /** Called with each answer that should not have come. */
  readonly wrong: (what: string) => void
}

const jobs = '/users/u/jobs'
/** Most datasets of a job, which has one task more than datasets: the aggregator's. */
const mostClients = 8

/** Creates, changes and deletes designs and jobs, one at a time, and notes the server's answers. */
export async function client(name: string, random: RandomStream, load: Load): Promise<void> {
  const { ends, jobOn } = load
  const clients = () => 1 + Math.floor(random.uniform() * mostClients)
  for (let n = 0; !ends.aborted; n++) {
    const id = `${name}-${n}`
    await change(load, 'POST', '/users/u/designs', `/users/u/designs/${id}`, 0, { id })
    const path = `${jobs}/${id}`
    let present = clients()
    let goesOn = await change(load, 'POST', jobs, path, 1 + present, { ...jobOn(present), id })
    while (goesOn && random.uniform() < 0.4 && !ends.aborted) {
      present = clients()
      goesOn = await change(load, 'PUT', path, path, 1 + present, jobOn(present))
    }
    if (goesOn && random.uniform() < 0.3) await change(load, 'DELETE', path, path, 'absent')
  }
}

/**
 * Asks for a change. False if the server has refused, or the answer was lost: then the client leaves the thing alone.
 */
async function change(
  { lives, ledger, wrong }: Load,
  method: string,
  at: string,
  path: string,
  becomes: Finding,
  body?: object,
): Promise<boolean> {
  await lives.entered()
  ledger.asked(path, becomes)
  const said: Said | undefined = await lives.tell(method, at, body)
  if (!said) return false
  if (said.status < 300) ledger.acknowledged(path, becomes)
  else wrong(`${method} ${at} was answered ${said.status}: ${JSON.stringify(said.body)}`)
  return said.status < 300
}

/** Reads the state of a design or job from the server. */
export async function findingOf(lives: Lives, path: string): Promise<Finding> {
  const { status } = await lives.ask('GET', path)
  if (status === 404) return 'absent'
  if (status !== 200) throw new Error(`GET ${path} was answered ${status}`)
  if (!path.startsWith(jobs)) return 0
  const { body } = await lives.ask('GET', `${path}/tasks`)
  return Array.isArray(body) ? body.length : 'absent'
}
