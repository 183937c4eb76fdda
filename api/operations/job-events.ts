import { z } from 'zod'
import type { Ask, ControlPlaneMessage, JobStatus, NumberedEvent } from '../../actors/index.ts'
import { endedNames, numberedEvent } from '../../actors/model/index.ts'
import { apiError } from '../errors.ts'
import { count, flag } from '../http/query.ts'
import { made, noBody, type OperationAnswer } from '../operation.ts'

const query = z.object({
  follow: flag.exactOptional().meta({ description: 'false: end after what there is so far' }),
  after: count.exactOptional().meta({ description: 'the number after which they begin, if no Last-Event-ID says it' }),
})

const common = { method: 'get', isAddition: true, query, body: noBody } as const
const answer = { type: 'events', model: numberedEvent } as const

export const jobEventOperations = [
  made(
    {
      id: 'getJobEvents',
      path: '/users/{user}/jobs/{jobId}/events',
      summary: 'Follow what happens in a job',
      ...common,
    },
    answer,
    following(),
  ),
  made(
    {
      id: 'getJobLogs',
      path: '/users/{user}/jobs/{jobId}/logs',
      summary: "Follow what a job's tasks log",
      ...common,
    },
    answer,
    following('log', 'notice'),
  ),
  made(
    {
      id: 'getJobMetrics',
      path: '/users/{user}/jobs/{jobId}/metrics',
      summary: "Follow a job's metrics",
      ...common,
    },
    answer,
    following('metrics', 'round'),
  ),
] as const

interface FollowingCall {
  param(name: 'user' | 'jobId'): string
  readonly query: z.output<typeof query>
  readonly lastEventId: string | undefined
}

/** How many events are read at once. */
const batch = 256

/** Answers with a job's events, of these types alone if any are named. */
function following(...types: readonly NumberedEvent['event']['type'][]) {
  return async (ask: Ask<ControlPlaneMessage>, call: FollowingCall): Promise<OperationAnswer> => {
    const of = { user: call.param('user'), job: call.param('jobId') }
    const read = (after: number, waitMs: number) =>
      ask<readonly NumberedEvent[]>((replyTo) => ({ type: 'read-events', ...of, after, limit: batch, waitMs, replyTo }))
    return {
      type: 'events',
      events: {
        after: eventIdIn(call.lastEventId) ?? Number(call.query.after ?? 0),
        follow: call.query.follow !== 'false',
        isWanted: ({ type }) => types.length === 0 || types.includes(type),
        read,
        async hasEnded() {
          const { state } = await ask<JobStatus>((replyTo) => ({ type: 'read-job-status', ...of, replyTo }))
          return endedNames.includes(state)
        },
      },
    }
  }
}

function eventIdIn(given: string | undefined): number | undefined {
  if (given === undefined || given === '') return undefined
  if (/^\d{1,9}$/.test(given)) return Number(given)
  throw apiError('API_HEADER', {
    header: 'Last-Event-ID',
    found: given.slice(0, 300),
    expected: 'the number of an event',
  })
}
