import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { decodeModel, designSchema, type JobSpecification, type JobStatus } from '../../actors/model/index.ts'
import { allPages } from '../../api/client/index.ts'
import { CodedError } from '../../runtime/errors/index.ts'
import { type DatasetEntry, type Kind, type Settings, type Topology, tasksOf } from '../../sdk/index.ts'
import type { LoadedWorkload } from '../../sdk/node/index.ts'
import type { Connection } from '../command-context.ts'
import { filesIn, zipOf } from '../files/archives.ts'

/** The format of a dataset that the workload partitions itself: a job names the dataset once for each client. */
const partitionedFormat = 'workload'

/** The algorithm, or parts of it, that a job names in place of its workload's. */
export type JobChoices = Pick<NonNullable<JobSpecification['modelSpec']>, Kind>

/** A job to be created, besides its workload. */
interface JobPlan {
  readonly seed: number
  readonly settings: Settings
  readonly topology: Topology
  readonly choices?: JobChoices
  /** Address of the model with which the job begins. */
  readonly baseModel?: string | undefined
}

/** The jobs of a workload that `flamectl run` has numbered, the latest last. */
export async function jobsOf({ client, user }: Connection, workload: string): Promise<JobStatus[]> {
  const found: JobStatus[] = []
  for await (const status of allPages((after) => client.getJobs({ user, query: { ...after } })))
    if (numberOf(workload, status.id) > 0) found.push(status)
  return found.toSorted((a, b) => numberOf(workload, a.id) - numberOf(workload, b.id))
}

/** Creates the next job of a workload, and its design, schema, code and dataset if they are missing or have changed. */
export async function createJob(connection: Connection, loaded: LoadedWorkload, plan: JobPlan): Promise<string> {
  const { client, user } = connection
  const { name } = loaded.workload
  await unless('DESIGN_EXISTS', client.createDesign({ user, body: { id: name } }))
  const [dataset, jobs] = await Promise.all([
    datasetOf(connection, name, loaded.module),
    jobsOf(connection, name),
    giveSchema(connection, name, plan.topology),
    giveCode(connection, name, loaded.module, plan.topology),
  ])
  const body: JobSpecification = {
    name,
    designId: name,
    backend: 'p2p',
    dataSpec: namedForEachClient(plan.topology, dataset),
    modelSpec: {
      ...plan.choices,
      ...(plan.baseModel !== undefined && { baseModel: { name: plan.baseModel } }),
      hyperparameters: { ...plan.settings, seed: plan.seed },
    },
  }
  const latest = jobs.at(-1)
  for (let number = latest ? numberOf(name, latest.id) + 1 : 1; ; number++) {
    const id = `${name}-${number}`
    // Another user may have a job with this id.
    if (await unless('JOB_EXISTS', client.createJob({ user, body: { ...body, id } }))) return id
  }
}

/** The number of a job in its id; 0 if `flamectl run` hasn't numbered the job. */
function numberOf(workload: string, id: string): number {
  const number = id.startsWith(`${workload}-`) ? id.slice(workload.length + 1) : ''
  return /^[1-9]\d{0,14}$/.test(number) ? Number(number) : 0
}

async function giveSchema({ client, user }: Connection, designId: string, { schema }: Topology): Promise<void> {
  const present = await unless('SCHEMA_UNKNOWN', client.getDesignSchema({ user, designId }))
  const { revision: _, ...rest } = present ?? {}
  const body = decodeModel(designSchema, schema)
  if (!present) await client.createDesignSchema({ user, designId, body })
  else if (!isDeepStrictEqual(rest, body)) await client.updateDesignSchema({ user, designId, body })
}

async function giveCode(
  { client, user }: Connection,
  designId: string,
  module: URL,
  { schema }: Topology,
): Promise<void> {
  const roles = schema.roles.map(({ name }) => name)
  const fileData = await workloadArchive(module, roles)
  const present = await unless('CODE_UNKNOWN', client.getDesignCode({ user, designId }))
  const before = present && new Uint8Array(await new Response(present.content).arrayBuffer())
  const body = { fileName: `${designId}.zip`, fileData }
  if (!before) await client.createDesignCode({ user, designId, body })
  else if (Buffer.compare(before, fileData) !== 0) await client.updateDesignCode({ user, designId, body })
}

/** The dataset of a workload that partitions its data itself. */
async function datasetOf({ client, user }: Connection, name: string, module: URL): Promise<string> {
  const body = { name, url: module.href, dataFormat: partitionedFormat, realm: 'default' }
  for await (const { id, ...info } of allPages((after) => client.getDatasets({ user, query: { ...after } })))
    if (id !== undefined && info.url === body.url && info.dataFormat === body.dataFormat) return id
  return client.createDataset({ user, body })
}

/** Names the dataset with the number of clients, since a body with an entry for each of many thousands takes long to check. */
function namedForEachClient({ dataSpec }: Topology, dataset: string): NonNullable<JobSpecification['dataSpec']> {
  const named = (clients: readonly DatasetEntry[]) => {
    const count = tasksOf(clients)
    if (count > 1) return [{ dataset, count }]
    return count === 1 ? [dataset] : []
  }
  return dataSpec.map(({ role, datasetGroups }) => {
    const groups = Object.entries(datasetGroups).map(([group, clients]) => [group, named(clients)] as const)
    return { role, datasetGroups: Object.fromEntries(groups) }
  })
}

/** The answer to a request; undefined if the request is refused with this code. */
async function unless<Value>(code: string, asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === code) return undefined
    throw cause
  }
}

const source = /\.([cm]?[jt]s|json|wasm)$/
const isWorkload = /^workload\.[cm]?[jt]s$/
const isSource = (name: string, isFolder: boolean) =>
  isFolder ? name !== 'data' && name !== 'dist' : source.test(name)

/** The largest source of a workload. */
const most = { files: 1000, megabytes: 8 }

/**
 * A zip with the source files beside a workload's module, in a folder for each role, since every role needs the whole workload.
 * Folders of data, folders of libraries and hidden folders are left out. CODE_SIZE if the source is too large.
 */
export async function workloadArchive(module: URL, roles: readonly string[]): Promise<Uint8Array> {
  const file = fileURLToPath(module)
  const files = [...(await filesIn(dirname(file), { most, strayLinks: 'leave out', isKept: isSource }))]
  const name = basename(file)
  if (!isWorkload.test(name))
    files.push(['workload.mjs', new TextEncoder().encode(`export { default } from './${name}'\n`)])
  return zipOf(roles.flatMap((role) => files.map(([path, bytes]) => [`${role}/${path}`, bytes] as const)))
}
