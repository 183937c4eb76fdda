import { reached, trivialJob } from './http-jobs.ts'
import { type JoinedStage, joinedStage } from './joined-stage.ts'

/** The hash of each round that a job has recorded. */
export async function hashesOf(
  { up }: Pick<JoinedStage, 'up'>,
  job: string,
  token?: string,
): Promise<readonly string[]> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(`${up.url}${job}/events?follow=false`, { headers })
  const rounds = new Map<number, string>()
  for (const [, data = ''] of (await response.text()).matchAll(/^data: ?(.*)$/gm)) {
    const { event = {} } = JSON.parse(data)
    if (event.type === 'round') rounds.set(event.round, event.hash)
  }
  return [...rounds].toSorted(([one], [other]) => one - other).map(([, hash]) => hash)
}

/** The hashes of the same job in the processes of a server alone. */
export async function hashesHere(size: Omit<Parameters<typeof trivialJob>[1], 'job' | 'realms'>) {
  await using stage = await joinedStage()
  const job = await trivialJob(stage.call, { job: 'here', ...size })
  await stage.call('PUT', `${job}/status`, { state: 'starting' })
  await reached(stage.call, job, 'completed', 'failed')
  return await hashesOf(stage, job)
}
