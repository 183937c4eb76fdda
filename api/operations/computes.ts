import { z } from 'zod'
import {
  computeRegistration,
  computeSpec,
  computeStatus,
  deploymentConfig,
  deploymentStatus,
} from '../../actors/catalogue/model/index.ts'
import { pageOf, pageQuery } from '../http/query.ts'
import { bare, laterOperation, listOperation, noBody, noQuery, operation } from '../operation.ts'

const one = '/computes/{computeId}'
const deployments = '/computes/{computeId}/deployments'
const auth = 'compute-key'
const nothing = z.null()

export const computeOperations = [
  operation({
    id: 'registerCompute',
    method: 'post',
    path: '/computes',
    summary: 'Register a compute; again with the same key changes nothing',
    status: 201,
    query: noQuery,
    body: computeRegistration,
    answer: computeStatus,
    request: (call) => (replyTo) => ({ type: 'register-compute', registration: call.body, replyTo }),
  }),
  listOperation({
    id: 'getComputes',
    method: 'get',
    path: '/computes',
    summary: 'List the computes of an administrator',
    query: pageQuery.extend({ adminId: z.string().min(1) }),
    body: noBody,
    item: computeSpec,
    request: (call) => (replyTo) => ({
      type: 'list-computes',
      adminId: call.query.adminId,
      page: pageOf(call.query),
      replyTo,
    }),
  }),
  operation({
    id: 'getComputeStatus',
    method: 'get',
    path: one,
    summary: 'Read whether a compute is up',
    auth,
    ...bare,
    answer: computeStatus,
    request: (call) => (replyTo) => ({
      type: 'read-compute',
      compute: call.param('computeId'),
      key: call.apiKey,
      replyTo,
    }),
  }),
  operation({
    id: 'updateCompute',
    method: 'put',
    path: one,
    summary: "Change a compute's region, administrator or key",
    auth,
    query: noQuery,
    body: computeSpec,
    answer: computeStatus,
    request: (call) => (replyTo) => ({
      type: 'update-compute',
      compute: call.param('computeId'),
      key: call.apiKey,
      spec: call.body,
      replyTo,
    }),
  }),
  operation({
    id: 'deleteCompute',
    method: 'delete',
    path: one,
    summary: 'Take a compute away that no dataset names',
    auth,
    ...bare,
    answer: nothing,
    request: (call) => (replyTo) => ({
      type: 'remove-compute',
      compute: call.param('computeId'),
      key: call.apiKey,
      replyTo,
    }),
  }),
  operation({
    id: 'getComputeConfig',
    method: 'get',
    path: '/computes/{computeId}/config',
    summary: "Read a compute's settings",
    auth,
    ...bare,
    answer: computeSpec,
    request: (call) => (replyTo) => ({
      type: 'read-compute-config',
      compute: call.param('computeId'),
      key: call.apiKey,
      replyTo,
    }),
  }),
  laterOperation({
    id: 'getDeployments',
    method: 'get',
    path: deployments,
    summary: "List a compute's deployments",
    auth,
    ...bare,
    answer: { type: 'page', model: deploymentStatus },
  }),
  laterOperation({
    id: 'getDeploymentConfig',
    method: 'get',
    path: '/computes/{computeId}/deployments/{jobId}/config',
    summary: 'Read which tasks a compute is to run, with their keys',
    auth,
    ...bare,
    answer: { type: 'json', model: deploymentConfig },
  }),
  laterOperation({
    id: 'getDeploymentStatus',
    method: 'get',
    path: '/computes/{computeId}/deployments/{jobId}/status',
    summary: 'Read how far a deployment has come',
    auth,
    ...bare,
    answer: { type: 'json', model: deploymentStatus },
  }),
  laterOperation({
    id: 'putDeploymentStatus',
    method: 'put',
    path: '/computes/{computeId}/deployments/{jobId}/status',
    summary: 'Report how far a deployment has come',
    auth,
    query: noQuery,
    body: deploymentStatus,
    answer: { type: 'json', model: nothing },
  }),
]
