import { z } from 'zod'
import { modelFormats, storedModel } from '../../actors/model/index.ts'
import { archiveOperation, bare, noBody, operation } from '../operation.ts'

const all = '/users/{user}/jobs/{jobId}/models'
const one = '/users/{user}/jobs/{jobId}/models/{round}'
const part = z.string().max(200).exactOptional()

export const modelOperations = [
  operation({
    id: 'getModels',
    method: 'get',
    path: all,
    summary: "List the models of a job's rounds, without their weights",
    isAddition: true,
    ...bare,
    answer: z.array(storedModel).readonly(),
    request: (call) => (replyTo) => ({
      type: 'list-models',
      user: call.param('user'),
      job: call.param('jobId'),
      replyTo,
    }),
  }),
  archiveOperation({
    id: 'getModel',
    method: 'get',
    path: one,
    summary: 'Read the model of a round, by its number, or by "latest" or "best", as one file',
    media: 'application/octet-stream',
    isAddition: true,
    query: z.object({ part, format: z.enum(modelFormats).exactOptional() }),
    body: noBody,
    request: (call) => (replyTo) => ({
      type: 'read-model',
      user: call.param('user'),
      job: call.param('jobId'),
      round: call.param('round'),
      part: call.query.part,
      format: call.query.format ?? 'tfjs',
      replyTo,
    }),
  }),
  operation({
    id: 'deleteModels',
    method: 'delete',
    path: all,
    summary: 'Delete the models of a job that is ready or has ended',
    isAddition: true,
    query: z.object({ part }),
    body: noBody,
    answer: z.null(),
    request: (call) => (replyTo) => ({
      type: 'remove-models',
      user: call.param('user'),
      job: call.param('jobId'),
      part: call.query.part,
      replyTo,
    }),
  }),
  operation({
    id: 'deleteModel',
    method: 'delete',
    path: one,
    summary: 'Delete the model of one round of a job that is ready or has ended',
    isAddition: true,
    query: z.object({ part }),
    body: noBody,
    answer: z.null(),
    request: (call) => (replyTo) => ({
      type: 'remove-models',
      user: call.param('user'),
      job: call.param('jobId'),
      round: call.param('round'),
      part: call.query.part,
      replyTo,
    }),
  }),
] as const
