import { z } from 'zod'
import { codeRevision, design, designChange, designInfo, designSchema } from '../../actors/model/index.ts'
import { flag, pageOf, pageQuery } from '../http/query.ts'
import { archiveOperation, bare, listOperation, noBody, noQuery, operation } from '../operation.ts'

const all = '/users/{user}/designs'
const one = '/users/{user}/designs/{designId}'
const schema = '/users/{user}/designs/{designId}/schema'
const code = '/users/{user}/designs/{designId}/code'
const nothing = z.null()

/** A form with a zip. */
const upload = z.strictObject({ fileName: z.string().min(1).max(1024), fileData: z.instanceof(Uint8Array) })

export const designOperations = [
  operation({
    id: 'createDesign',
    method: 'post',
    path: all,
    summary: 'Create a design',
    status: 201,
    query: noQuery,
    body: designInfo,
    answer: nothing,
    request: (call) => (replyTo) => ({ type: 'create-design', user: call.param('user'), info: call.body, replyTo }),
  }),
  listOperation({
    id: 'getDesigns',
    method: 'get',
    path: all,
    summary: "List a user's designs",
    query: pageQuery,
    body: noBody,
    item: designInfo,
    request: (call) => (replyTo) => ({
      type: 'list-designs',
      user: call.param('user'),
      page: pageOf(call.query),
      replyTo,
    }),
  }),
  operation({
    id: 'getDesign',
    method: 'get',
    path: one,
    summary: 'Read a design with its schema',
    ...bare,
    answer: design,
    request: (call) => (replyTo) => ({
      type: 'read-design',
      user: call.param('user'),
      design: call.param('designId'),
      replyTo,
    }),
  }),
  operation({
    id: 'updateDesign',
    method: 'put',
    path: one,
    summary: "Change a design's name and description",
    query: noQuery,
    body: designChange,
    answer: designInfo,
    request: (call) => (replyTo) => ({
      type: 'update-design',
      user: call.param('user'),
      design: call.param('designId'),
      info: call.body,
      replyTo,
    }),
  }),
  operation({
    id: 'deleteDesign',
    method: 'delete',
    path: one,
    summary: 'Delete a design that no job uses, or any by force',
    query: z.object({ forceDelete: flag.exactOptional() }),
    body: noBody,
    answer: z.string(),
    request: (call) => (replyTo) => ({
      type: 'remove-design',
      user: call.param('user'),
      design: call.param('designId'),
      force: call.query.forceDelete === 'true',
      replyTo,
    }),
  }),
  ...(['post', 'put'] as const).map((method) =>
    operation({
      id: method === 'post' ? 'createDesignSchema' : 'updateDesignSchema',
      method,
      path: schema,
      summary: 'Give a design a new revision of its schema',
      status: method === 'post' ? 201 : 200,
      query: noQuery,
      body: designSchema,
      answer: nothing,
      request: (call) => (replyTo) => ({
        type: 'add-schema',
        user: call.param('user'),
        design: call.param('designId'),
        schema: call.body,
        replyTo,
      }),
    }),
  ),
  operation({
    id: 'getDesignSchema',
    method: 'get',
    path: schema,
    summary: "Read a design's schema",
    ...bare,
    answer: designSchema,
    request: (call) => (replyTo) => ({
      type: 'read-schema',
      user: call.param('user'),
      design: call.param('designId'),
      replyTo,
    }),
  }),
  operation({
    id: 'deleteDesignSchema',
    method: 'delete',
    path: schema,
    summary: "Take a design's schema away",
    ...bare,
    answer: nothing,
    request: (call) => (replyTo) => ({
      type: 'remove-schema',
      user: call.param('user'),
      design: call.param('designId'),
      replyTo,
    }),
  }),
  ...(['post', 'put'] as const).map((method) =>
    operation({
      id: method === 'post' ? 'createDesignCode' : 'updateDesignCode',
      method,
      path: code,
      summary: 'Give a design a new revision of its code',
      status: method === 'post' ? 201 : 200,
      query: noQuery,
      body: upload,
      form: ['fileData'],
      answer: nothing,
      request: (call) => (replyTo) => ({
        type: 'add-code',
        user: call.param('user'),
        design: call.param('designId'),
        archive: { fileName: call.body.fileName, bytes: call.body.fileData },
        replyTo,
      }),
    }),
  ),
  archiveOperation({
    id: 'getDesignCode',
    method: 'get',
    path: code,
    summary: "Read a design's code",
    ...bare,
    request: (call) => (replyTo) => ({
      type: 'read-code',
      user: call.param('user'),
      design: call.param('designId'),
      replyTo,
    }),
  }),
  operation({
    id: 'getDesignCodeRevision',
    method: 'get',
    path: '/users/{user}/designs/{designId}/code/revision',
    summary: "Read the number of a design's latest code",
    ...bare,
    answer: codeRevision,
    request: (call) => (replyTo) => ({
      type: 'read-code-revision',
      user: call.param('user'),
      design: call.param('designId'),
      replyTo,
    }),
  }),
  operation({
    id: 'deleteDesignCode',
    method: 'delete',
    path: code,
    summary: "Take a design's code away",
    ...bare,
    answer: nothing,
    request: (call) => (replyTo) => ({
      type: 'remove-code',
      user: call.param('user'),
      design: call.param('designId'),
      replyTo,
    }),
  }),
]
