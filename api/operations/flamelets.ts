import { z } from 'zod'
import type { TaskPackage } from '../../actors/index.ts'
import { flameletStatus, jobFault, numberedNotification, taskStatus } from '../../actors/model/index.ts'
import { count, pageOf, pageQuery } from '../http/query.ts'
import { bare, formOperation, listOperation, noBody, noQuery, operation } from '../operation.ts'

/** The longest wait of a recipient in one request, below the time limit of requests. */
const mostWaitMs = 20_000
/** How many notifications one answer may have. */
const mostNotifications = 100

/** A task's key. That it's there and right is said by who knows the task. */
const keyQuery = z.object({ key: z.string().exactOptional().meta({ description: "the task's key" }) })

const receiveQuery = z.object({
  acknowledged: count.exactOptional().meta({ description: 'the highest number that was dealt with; absent: none' }),
  waitMs: count.exactOptional().meta({ description: `how long to wait if there is none yet; at most ${mostWaitMs}` }),
  limit: count.exactOptional().meta({ description: `0 or absent: at most ${mostNotifications}` }),
})

function received({ acknowledged, waitMs, limit }: z.output<typeof receiveQuery>) {
  return {
    acknowledged: Number(acknowledged ?? 0),
    waitMs: Math.min(Number(waitMs ?? 0), mostWaitMs),
    limit: Math.min(Number(limit ?? 0) || mostNotifications, mostNotifications),
  }
}

const auth = 'task-key'

/** The operations of flamelets that run tasks. */
export const flameletOperations = [
  formOperation({
    id: 'getTask',
    method: 'get',
    path: '/jobs/{jobId}/{taskId}/task',
    summary: 'Fetch what a flamelet needs to run a task',
    auth,
    query: keyQuery,
    body: noBody,
    request: (call) => (replyTo) => ({
      type: 'fetch-task',
      job: call.param('jobId'),
      task: call.param('taskId'),
      key: call.query.key,
      replyTo,
    }),
    files: ['config', 'code.zip'],
    parts: ({ config, code }: TaskPackage) => [
      { name: 'config', type: 'application/json', content: JSON.stringify(config) },
      { name: 'code.zip', type: 'application/zip', content: code },
    ],
  }),
  operation({
    id: 'updateTaskStatus',
    method: 'put',
    path: '/jobs/{jobId}/{taskId}/task/status',
    summary: 'Report how far a task has come',
    auth,
    status: 201,
    query: keyQuery,
    body: taskStatus,
    answer: z.null(),
    request: (call) => {
      const [job, task] = [call.param('jobId'), call.param('taskId')]
      return (replyTo) => ({
        type: 'report-task',
        job,
        task,
        key: call.query.key,
        mayLackKey: !call.isAuthenticated,
        status: call.body,
        replyTo,
      })
    },
  }),
] as const

/** Operations on the flamelets that join by links. */
export const joinedFlameletOperations = [
  listOperation({
    id: 'getFlamelets',
    method: 'get',
    path: '/flamelets',
    summary: 'List the flamelets that have joined: which are there, since when, with which tasks',
    auth: 'user',
    isAddition: true,
    query: pageQuery.extend({
      user: z
        .string()
        .min(1)
        .exactOptional()
        .meta({ description: 'whose flamelets; absent: those of all users, which administrators may list' }),
    }),
    owner: (call) => call.query.user ?? 'all users',
    body: noBody,
    item: flameletStatus,
    request: (call) => (replyTo) => ({
      type: 'list-flamelets',
      user: call.isAuthenticated ? call.query.user : undefined,
      page: pageOf(call.query),
      replyTo,
    }),
  }),
  operation({
    id: 'makeFault',
    method: 'post',
    path: '/users/{user}/jobs/{jobId}/faults',
    summary: 'Make a fault in a running job on purpose, to see that the job bears it',
    auth: 'chaos',
    status: 201,
    isAddition: true,
    query: noQuery,
    body: jobFault,
    answer: z.string().meta({ description: 'the flamelet, or the server, that has the fault' }),
    request: (call) => (replyTo) => ({
      type: 'make-fault',
      user: call.param('user'),
      job: call.param('jobId'),
      fault: call.body,
      replyTo,
    }),
  }),
  operation({
    id: 'getFlamelet',
    method: 'get',
    path: '/users/{user}/flamelets/{name}',
    summary: 'Read whether a flamelet is there, since when, and with which tasks',
    isAddition: true,
    ...bare,
    answer: flameletStatus,
    request: (call) => (replyTo) => ({ type: 'read-flamelet', ...named(call), replyTo }),
  }),
  operation({
    id: 'deleteFlamelet',
    method: 'delete',
    path: '/users/{user}/flamelets/{name}',
    summary: 'Forget a flamelet that has no connection: its name becomes free',
    isAddition: true,
    ...bare,
    answer: z.null(),
    request: (call) => (replyTo) => ({ type: 'remove-flamelet', ...named(call), replyTo }),
  }),
] as const

/** A flamelet by its name and user. Where nobody is asked for a token, no flamelet has a user of its own. */
function named(call: { param(name: 'user' | 'name'): string; readonly isAuthenticated: boolean }) {
  return { user: call.isAuthenticated ? call.param('user') : undefined, name: call.param('name') }
}

/** Operations besides the interface's 42: until flamelets have links, they poll for their work. */
export const notificationOperations = [
  operation({
    id: 'getTaskNotifications',
    method: 'get',
    path: '/jobs/{jobId}/{taskId}/notifications',
    summary: 'Acknowledge what a flamelet has dealt with, and wait for what it is to do next',
    auth,
    isAddition: true,
    query: receiveQuery.extend(keyQuery.shape),
    body: noBody,
    answer: z.array(numberedNotification),
    authorize: (call) => (replyTo) => ({
      type: 'check-task-key',
      job: call.param('jobId'),
      task: call.param('taskId'),
      key: call.query.key,
      replyTo,
    }),
    request: (call) => (replyTo) => ({
      type: 'receive',
      recipient: { type: 'task', job: call.param('jobId'), task: call.param('taskId') },
      ...received(call.query),
      replyTo,
    }),
  }),
  operation({
    id: 'getComputeNotifications',
    method: 'get',
    path: '/computes/{computeId}/notifications',
    summary: 'Acknowledge what a compute has dealt with, and wait for what it is to do next',
    auth: 'compute-key',
    isAddition: true,
    query: receiveQuery,
    body: noBody,
    answer: z.array(numberedNotification),
    authorize: (call) => (replyTo) => ({
      type: 'check-compute-key',
      compute: call.param('computeId'),
      key: call.apiKey,
      replyTo,
    }),
    request: (call) => (replyTo) => ({
      type: 'receive',
      recipient: { type: 'compute', compute: call.param('computeId') },
      ...received(call.query),
      replyTo,
    }),
  }),
] as const
