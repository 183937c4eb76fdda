import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { build } from 'esbuild'
import { apiStage } from '../../test/support/api-stage.ts'
import { json, scriptedServer } from '../../test/support/scripted-server.ts'
import { twoTierCode, twoTierSchema } from '../../test/support/stored-job.ts'
import { allPages } from './answers.ts'
import { apiClient } from './client.ts'

const user = 'u'

test('a design, its schema and code, datasets and a job go there and come back as they were', async (t) => {
  await using api = await apiStage('memory')
  const client = apiClient({ endpoint: api.url })
  const of = { user, designId: 'd' }
  await client.createDesign({ user, body: { id: 'd', name: 'näme' } })
  await client.createDesignSchema({ ...of, body: twoTierSchema })
  await client.createDesignCode({ ...of, body: { fileName: 'cöde.zip', fileData: twoTierCode } })
  await client.updateDesignCode({
    ...of,
    body: { fileName: 'cöde.zip', fileData: new Blob([Uint8Array.from(twoTierCode)]) },
  })
  t.like(await client.getDesign(of), { id: 'd', name: 'näme', schema: { name: 'two-tier', revision: 1 } })
  t.is((await client.getDesignCodeRevision(of)).revision, 2)
  const code = await client.getDesignCode(of)
  t.is(code.fileName, 'cöde.zip')
  t.is(code.sizeBytes, twoTierCode.length)
  t.deepEqual(new Uint8Array(await new Response(code.content).arrayBuffer()), new Uint8Array(twoTierCode))

  const dataset = await client.createDataset({ user, body: { url: 'file:///a', dataFormat: 'csv', realm: 'default' } })
  const body = {
    designId: 'd',
    backend: 'ws' as const,
    dataSpec: [{ role: 'trainer', datasetGroups: { default: [dataset] } }],
  }
  const { id, state } = await client.createJob({ user, body })
  t.is(state, 'ready')
  t.like(await client.getJob({ user, jobId: id }), body)
  t.is(await client.deleteJob({ user, jobId: id }), null)
  t.is(typeof (await client.deleteDesign({ ...of, query: { forceDelete: true } })), 'string')
})

test('a list is read page by page', async (t) => {
  await using api = await apiStage('memory')
  const client = apiClient({ endpoint: api.url })
  const ids = ['a', 'b', 'c', 'd', 'e']
  for (const id of ids) await client.createDesign({ user, body: { id } })
  const page = await client.getDesigns({ user, query: { limit: 2 } })
  t.deepEqual([page.items.map(({ id }) => id), page.next], [['a', 'b'], 'b'])
  const all: string[] = []
  for await (const { id } of allPages((after) => client.getDesigns({ user, query: { limit: 2, ...after } })))
    all.push(id)
  t.deepEqual(all, ids)
})

test("the server's refusals keep their codes and their faults", async (t) => {
  await using api = await apiStage('memory')
  const client = apiClient({ endpoint: api.url })
  await client.createDesign({ user, body: { id: 'd' } })
  await t.throwsAsync(client.createDesign({ user, body: { id: 'd' } }), { code: 'DESIGN_EXISTS' })
  await t.throwsAsync(client.getDesign({ user, designId: 'e' }), { code: 'DESIGN_UNKNOWN' })
  const refused = await t.throwsAsync(client.createJob({ user, body: { designId: 'd', backend: 'ws' } }), {
    code: 'JOB_INVALID',
  })
  t.like(refused, { values: { status: 422, faults: [{ place: 'designId' }] } })
  await t.throwsAsync(client.getDesign({ user, designId: 'a/b' }), { code: 'NAME_INVALID' })
})

/** The files of the modules in a chunk, which has no map if it is empty; another file itself. */
function sourcesOf(path: string): readonly string[] {
  if (!path.startsWith('dist/chunks/')) return [path]
  if (!existsSync(`${path}.map`)) return []
  const { sources }: { readonly sources: readonly string[] } = JSON.parse(readFileSync(`${path}.map`, 'utf8'))
  return sources.map((source) => source.replace(/^(\.\.\/)+/, 'dist/'))
}

test('the client is bundled for a page with nothing of Node, of the server or of the actors', async (t) => {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL('index.js', import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  })
  const foreign = Object.keys(metafile.inputs)
    .flatMap(sourcesOf)
    .filter(
      (path) =>
        !/dist\/(api\/(auth\/authority|client|operations|http\/query|operation|errors)|actors\/(model|errors)|runtime\/(decoding|errors)|sdk\/tag)\b/.test(
          path,
        ) && !/node_modules\/(zod|eventsource-parser)\//.test(path),
    )
  t.deepEqual(foreign, [])
})

test('a name that would be that of another place is sent nowhere', async (t) => {
  await using server = await scriptedServer(json(200, []))
  const client = apiClient({ endpoint: server.url })
  for (const designId of ['', '.', '..'])
    await t.throwsAsync(async () => client.deleteDesign({ user: 'u', designId }), { code: 'CLIENT_NAME' })
  await t.throwsAsync(async () => client.getDesigns({ user: '..' }), { code: 'CLIENT_NAME' })
  t.deepEqual(server.seen, [])
})
