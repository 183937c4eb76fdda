import { z } from 'zod'
import type { Lineage } from '../registry.ts'
import { qualityOf } from '../retention.ts'
import { anyAnswer, type MlflowClient } from './mlflow-client.ts'
import type { MlflowRun } from './mlflow-run.ts'

const mostVersions = 10_000
const mostModels = 1000
const bestAlias = 'best'
/** Metrics by which rounds are compared. They are tags of versions, too. */
const qualities = ['accuracy', 'loss'] as const

/** A version of a registered model: a round that is there whole. */
export interface MlflowVersion {
  readonly version: string
  readonly round: number
  readonly hash: string
  /** Place of the round's artifacts. */
  readonly source: string
  readonly metrics: Readonly<Record<string, number>>
}

const tagSchema = z.object({ key: z.string(), value: z.string().default('') })
const versionSchema = z.object({
  version: z.coerce.string(),
  source: z.string().default(''),
  tags: z.array(tagSchema).default([]),
})
const page = { next_page_token: z.string().optional() }

/** A job's registered model, or that of one part of the job. */
export interface MlflowVersions {
  readonly name: string
  /** The versions that are rounds, by round. */
  list(): Promise<MlflowVersion[]>
  find(round: number): Promise<MlflowVersion[]>
  /** Adds a round, and gives the alias `best` to the best version. */
  create(run: MlflowRun, source: string, lineage: Lineage): Promise<void>
  /** Removes a round. `markBest` is due afterwards. */
  remove(version: MlflowVersion): Promise<void>
  /** Gives the alias `best` to the best version, if another one may have it, or none. */
  markBest(): Promise<void>
}

export function mlflowVersions(client: MlflowClient, job: string, part?: string): MlflowVersions {
  const { prefix } = client.address
  const name = prefix + modelName(job, part)
  let isMade = false
  /** What has the alias, if known. */
  let best: MlflowVersion | undefined

  async function search(filter: string): Promise<MlflowVersion[]> {
    const found: MlflowVersion[] = []
    for (let token: string | undefined = ''; token !== undefined; ) {
      const answer: z.infer<typeof listSchema> = await client.call({
        method: 'GET',
        path: 'model-versions/search',
        fields: { filter, max_results: mostVersions, ...(token && { page_token: token }) },
        answer: listSchema,
      })
      for (const version of answer.model_versions) {
        const known = versionOf(version)
        if (known) found.push(known)
      }
      token = answer.next_page_token || undefined
    }
    return found.toSorted((a, b) => a.round - b.round)
  }

  async function make(): Promise<void> {
    const tags = [
      { key: 'flame.job', value: prefix + job },
      ...(part === undefined ? [] : [{ key: 'flame.part', value: part }]),
    ]
    await client.attempt({
      method: 'POST',
      path: 'registered-models/create',
      fields: { name, tags },
      answer: anyAnswer,
    })
    isMade = true
  }

  return {
    name,
    list: () => search(`name = '${name}'`),
    find: (round) => search(`name = '${name}' and tags.\`flame.round\` = '${round}'`),
    async create(run, source, { round, hash, metrics }) {
      if (!isMade) await make()
      const known = qualities.flatMap((key) => (metrics[key] === undefined ? [] : [{ key, value: metrics[key] }]))
      const tags = [
        { key: 'flame.round', value: String(round) },
        { key: 'flame.hash', value: hash },
        ...known.map(({ key, value }) => ({ key: `flame.${key}`, value: String(value) })),
      ]
      const { model_version } = await client.call({
        method: 'POST',
        path: 'model-versions/create',
        fields: { name, source, run_id: run.id, tags },
        answer: z.object({ model_version: versionSchema }),
        mayRepeat: false,
      })
      const added = { version: model_version.version, round, hash, source, metrics }
      if (!best) await markBest()
      else if (isBetter(added, best)) await mark(added)
    },
    async remove({ version }) {
      if (version === best?.version) best = undefined
      const fields = { name, version }
      await client.attempt({ method: 'DELETE', path: 'model-versions/delete', fields, answer: anyAnswer })
    },
    markBest,
  }

  async function markBest(): Promise<void> {
    if (best) return
    const [found] = (await search(`name = '${name}'`)).toSorted((a, b) => (isBetter(a, b) ? -1 : 1))
    if (found) await mark(found)
  }

  async function mark(version: MlflowVersion): Promise<void> {
    const fields = { name, alias: bestAlias, version: version.version }
    await client.call({ method: 'POST', path: 'registered-models/alias', fields, answer: anyAnswer })
    best = version
  }
}

/** Of equal rounds, the earlier one is better. */
function isBetter(one: MlflowVersion, other: MlflowVersion): boolean {
  const difference = qualityOf(one) - qualityOf(other)
  return difference > 0 || (difference === 0 && one.round < other.round)
}

const listSchema = z.object({ model_versions: z.array(versionSchema).default([]), ...page })

function versionOf({ version, source, tags }: z.infer<typeof versionSchema>): MlflowVersion | undefined {
  const tagged = new Map(tags.map(({ key, value }) => [key, value]))
  const [round, hash] = [tagged.get('flame.round'), tagged.get('flame.hash')]
  if (round === undefined || hash === undefined) return undefined
  const metrics = qualities.flatMap((key) => {
    const value = tagged.get(`flame.${key}`)
    return value === undefined ? [] : [[key, Number(value)] as const]
  })
  return { version, source, round: Number(round), hash, metrics: Object.fromEntries(metrics) }
}

/** The parts of a job that have versions. */
export async function mlflowParts(client: MlflowClient, job: string): Promise<string[]> {
  const parts: string[] = []
  const answer = z.object({
    registered_models: z
      .array(z.object({ tags: z.array(tagSchema).default([]), latest_versions: z.array(z.unknown()).default([]) }))
      .default([]),
    ...page,
  })
  for (let token: string | undefined = ''; token !== undefined; ) {
    const filter = `tags.\`flame.job\` = '${client.address.prefix}${job}'`
    const came: z.infer<typeof answer> = await client.call({
      method: 'GET',
      path: 'registered-models/search',
      fields: { filter, max_results: mostModels, ...(token && { page_token: token }) },
      answer,
    })
    for (const { tags, latest_versions } of came.registered_models) {
      const part = tags.find(({ key }) => key === 'flame.part')?.value
      if (part !== undefined && latest_versions.length > 0) parts.push(part)
    }
    token = came.next_page_token || undefined
  }
  return parts.toSorted()
}

/** Name of a registered model: the job's, or `<job>+<part>`. No job's name has a `+`. */
function modelName(job: string, part?: string): string {
  return part === undefined ? job : `${job}+${escaped(part)}`
}

/** A text with neither characters that MLflow refuses in names and paths, nor those of a URL: each is `=` and its code. */
export function escaped(text: string): string {
  const bytes = (found: string) => [...new TextEncoder().encode(found)]
  return text.replace(/[^\w.~@-]/gu, (found) =>
    bytes(found)
      .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}
