import { z } from 'zod'
import { askedStatus, jobSpec, jobStatus, taskInfo } from '../../actors/model/index.ts'
import { flag, pageOf, pageQuery } from '../http/query.ts'
import { bare, listOperation, noBody, noQuery, operation } from '../operation.ts'

const all = '/users/{user}/jobs'
const one = '/users/{user}/jobs/{jobId}'
const nothing = z.null()

export const jobOperations = [
  operation({
    id: 'createJob',
    method: 'post',
    path: all,
    summary: 'Create a job and its tasks, or nothing',
    status: 201,
    query: noQuery,
    body: jobSpec,
    answer: jobStatus,
    request: (call) => (replyTo) => ({ type: 'create-job', user: call.param('user'), spec: call.body, replyTo }),
  }),
  listOperation({
    id: 'getJobs',
    method: 'get',
    path: all,
    summary: "List a user's jobs",
    query: pageQuery,
    body: noBody,
    item: jobStatus,
    request: (call) => (replyTo) => ({
      type: 'list-jobs',
      user: call.param('user'),
      page: pageOf(call.query),
      replyTo,
    }),
  }),
  operation({
    id: 'getJob',
    method: 'get',
    path: one,
    summary: 'Read what a job is',
    ...bare,
    answer: jobSpec,
    request: (call) => (replyTo) => ({ type: 'read-job', user: call.param('user'), job: call.param('jobId'), replyTo }),
  }),
  operation({
    id: 'getJobStatus',
    method: 'get',
    path: '/users/{user}/jobs/{jobId}/status',
    summary: 'Read how far a job has come',
    ...bare,
    answer: jobStatus,
    request: (call) => (replyTo) => ({
      type: 'read-job-status',
      user: call.param('user'),
      job: call.param('jobId'),
      replyTo,
    }),
  }),
  operation({
    id: 'updateJob',
    method: 'put',
    path: one,
    summary: 'Replace a job that is ready or has ended, with its tasks',
    query: noQuery,
    body: jobSpec,
    answer: nothing,
    request: (call) => (replyTo) => ({
      type: 'update-job',
      user: call.param('user'),
      job: call.param('jobId'),
      spec: call.body,
      replyTo,
    }),
  }),
  operation({
    id: 'updateJobStatus',
    method: 'put',
    path: '/users/{user}/jobs/{jobId}/status',
    summary: 'Ask for a job to start, to stop, or to take an update on',
    query: noQuery,
    body: askedStatus,
    answer: nothing,
    request: (call) => {
      const { id, state } = call.body
      const [user, job] = [call.param('user'), call.param('jobId')]
      return (replyTo) => ({ type: 'ask-job-state', user, job, id, state, replyTo })
    },
  }),
  operation({
    id: 'deleteJob',
    method: 'delete',
    path: one,
    summary: 'Delete a job that is ready or has ended, with its tasks and, unless they are to be kept, its models',
    query: z.object({ keepModels: flag.exactOptional() }),
    body: noBody,
    answer: nothing,
    request: (call) => (replyTo) => ({
      type: 'remove-job',
      user: call.param('user'),
      job: call.param('jobId'),
      keepModels: call.query.keepModels === 'true',
      replyTo,
    }),
  }),
  listOperation({
    id: 'getTasks',
    method: 'get',
    path: '/users/{user}/jobs/{jobId}/tasks',
    summary: "List a job's tasks",
    query: pageQuery.extend({ generic: flag.exactOptional() }),
    body: noBody,
    item: taskInfo,
    request: (call) => (replyTo) => ({
      type: 'list-tasks',
      user: call.param('user'),
      job: call.param('jobId'),
      page: pageOf(call.query),
      replyTo,
    }),
  }),
  operation({
    id: 'getTaskInfo',
    method: 'get',
    path: '/users/{user}/jobs/{jobId}/tasks/{taskId}',
    summary: 'Read a task',
    ...bare,
    answer: taskInfo,
    request: (call) => (replyTo) => ({
      type: 'read-task',
      user: call.param('user'),
      job: call.param('jobId'),
      task: call.param('taskId'),
      replyTo,
    }),
  }),
]
