import test from 'ava'
import { reached, trivialJob } from './support/http-jobs.ts'
import { type JoinedStage, joinedStage } from './support/joined-stage.ts'

const size = { clients: 3, rounds: 4 } as const

/** The hash of each round that a job has recorded. */
async function hashesOf({ up }: JoinedStage, job: string, token?: string): Promise<readonly string[]> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(`${up.url}${job}/events`, { headers })
  const rounds = new Map<number, string>()
  for (const [, data = ''] of (await response.text()).matchAll(/^data: ?(.*)$/gm)) {
    const { event = {} } = JSON.parse(data)
    if (event.type === 'round') rounds.set(event.round, event.hash)
  }
  return [...rounds].toSorted(([one], [other]) => one - other).map(([, hash]) => hash)
}

/** The hashes of the same job in the processes of a server alone. */
async function hashesHere(rounds: number = size.rounds): Promise<readonly string[]> {
  await using stage = await joinedStage()
  const job = await trivialJob(stage.call, { job: 'here', ...size, rounds })
  await stage.call('PUT', `${job}/status`, { state: 'starting' })
  await reached(stage.call, job, 'completed', 'failed')
  return await hashesOf(stage, job)
}

const here = hashesHere()

/** Waits until these flamelets have joined, so that their realms are known. */
async function present(stage: JoinedStage, ...names: readonly string[]): Promise<void> {
  for (;;) {
    const { out } = await stage.up.command('computes', '-o', 'json')
    const found = new Map<string, string>(
      JSON.parse(out).map(({ name, state }: { name: string; state: string }) => [name, state]),
    )
    if (names.every((name) => found.get(name) === 'here')) return
  }
}

test.serial('a job trains on the flamelets of its datasets’ realms, to the hashes of the server alone', async (t) => {
  await using stage = await joinedStage()
  stage.join('clinic', { realm: 'eu/clinic' })
  stage.join('ward', { realm: 'ward' })
  await present(stage, 'clinic', 'ward')
  const job = await trivialJob(stage.call, { job: 'j', ...size, realms: ['eu/clinic', 'ward'] })
  await stage.call('PUT', `${job}/status`, { state: 'starting' })
  t.is(await reached(stage.call, job, 'completed', 'failed'), 'completed')
  const hashes = await hashesOf(stage, job)
  t.is(hashes.length, size.rounds)
  t.deepEqual(hashes, await here)
})

test.serial(
  'a server and a flamelet that are killed in the middle of a job leave its hashes as they were',
  async (t) => {
    await using stage = await joinedStage()
    const clinic = stage.join('clinic')
    stage.join('ward')
    await present(stage, 'clinic', 'ward')
    const rounds = 60
    const job = await trivialJob(stage.call, { job: 'j', ...size, rounds, realms: ['clinic', 'ward'] })
    await stage.call('PUT', `${job}/status`, { state: 'starting' })
    const atRound = async (round: number) => {
      while ((await hashesOf(stage, job)).length < round) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await atRound(5)
    await clinic.end('SIGKILL')
    stage.join('clinic')
    await atRound(15)
    await stage.restart('SIGKILL')
    t.is(await reached(stage.call, job, 'completed', 'failed'), 'completed')
    const hashes = await hashesOf(stage, job)
    t.is(hashes.length, rounds)
    t.deepEqual(hashes, await hashesHere(rounds))
  },
)
