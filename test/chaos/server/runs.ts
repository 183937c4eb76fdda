import { setTimeout } from 'node:timers/promises'
import type { Lives } from './lives.ts'

const jobs = '/users/u/jobs'

/** Creates and starts a job, across all kills of the server. Resolves with the job's state when the job has ended. */
export async function run(lives: Lives, id: string, spec: object, wrong: (what: string) => void): Promise<string> {
  const path = `${jobs}/${id}`
  const insist = async (method: string, at: string, body: unknown, ...accepted: readonly number[]) => {
    for (;;) {
      await lives.entered()
      const said = await lives.tell(method, at, body)
      if (!said || said.status === 503) continue
      if (!accepted.includes(said.status)) wrong(`${method} ${at} was answered ${said.status}`)
      return
    }
  }
  // The first attempt may have taken effect, though its answer was lost.
  await insist('POST', jobs, { ...spec, id }, 201, 409)
  await insist('PUT', `${path}/status`, { id, state: 'starting' }, 200, 409)
  for (;;) {
    await lives.entered()
    const said = await lives.tell('GET', `${path}/status`)
    const state = String(Object(said?.body).state)
    if (said && said.status !== 200) wrong(`GET ${path}/status was answered ${said.status}`)
    if (state === 'ready') wrong(`${id} is ready, and its start was acknowledged`)
    if (['completed', 'failed', 'terminated', 'ready'].includes(state)) return state
    await setTimeout(50)
  }
}
