import { z } from 'zod'
import { datasetInfo } from '../../actors/model/index.ts'
import { pageOf, pageQuery } from '../http/query.ts'
import { bare, listOperation, noBody, noQuery, operation } from '../operation.ts'

const all = '/users/{user}/datasets'
const one = '/users/{user}/datasets/{datasetId}'

export const datasetOperations = [
  operation({
    id: 'createDataset',
    method: 'post',
    path: all,
    summary: 'Register a dataset; answers with its id',
    status: 201,
    query: noQuery,
    body: datasetInfo,
    answer: z.string(),
    request: (call) => (replyTo) => ({ type: 'create-dataset', user: call.param('user'), info: call.body, replyTo }),
  }),
  listOperation({
    id: 'getDatasets',
    method: 'get',
    path: all,
    summary: "List a user's datasets",
    query: pageQuery,
    body: noBody,
    item: datasetInfo,
    request: (call) => (replyTo) => ({
      type: 'list-datasets',
      user: call.param('user'),
      page: pageOf(call.query),
      replyTo,
    }),
  }),
  listOperation({
    id: 'getAllDatasets',
    method: 'get',
    path: '/datasets',
    summary: 'List all public datasets',
    query: pageQuery,
    body: noBody,
    item: datasetInfo,
    request: (call) => (replyTo) => ({ type: 'list-public-datasets', page: pageOf(call.query), replyTo }),
  }),
  operation({
    id: 'getDataset',
    method: 'get',
    path: one,
    summary: 'Read a dataset',
    ...bare,
    answer: datasetInfo,
    request: (call) => (replyTo) => ({
      type: 'read-dataset',
      user: call.param('user'),
      dataset: call.param('datasetId'),
      replyTo,
    }),
  }),
  operation({
    id: 'updateDataset',
    method: 'put',
    path: one,
    summary: 'Replace a dataset',
    query: noQuery,
    body: datasetInfo,
    answer: datasetInfo,
    request: (call) => (replyTo) => ({
      type: 'update-dataset',
      user: call.param('user'),
      dataset: call.param('datasetId'),
      info: call.body,
      replyTo,
    }),
  }),
  operation({
    id: 'deleteDataset',
    method: 'delete',
    path: one,
    summary: 'Delete a dataset that no job uses which has not ended',
    ...bare,
    answer: z.null(),
    request: (call) => (replyTo) => ({
      type: 'remove-dataset',
      user: call.param('user'),
      dataset: call.param('datasetId'),
      replyTo,
    }),
  }),
]
