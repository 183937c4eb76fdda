import { createHash } from 'node:crypto'
import type { ActorRef, Store } from '../../../runtime/index.ts'
import { mayRun } from '../../catalogue/compute-trust.ts'
import { readArchive } from '../../catalogue/revisions.ts'
import type { FlameletsMessage } from '../../flamelets/flamelets-messages.ts'
import { flameletsServing } from '../../flamelets/served-computes.ts'
import type { RemoteSite } from '../../flamelets/sites.ts'
import { catalogueError } from '../../model/errors.ts'
import { collectionsOf } from '../../records/collections.ts'
import type { TrustedAdmins } from '../../records/parts.ts'
import type { DatasetRecord, TaskRecord } from '../../records/record-models.ts'
import { batchSize, inBatches } from '../../records/records.ts'
import type { DeployableJob, Deployer } from '../deployer.ts'
import { type PlacedTask, servesCompute } from './site-choice.ts'
import { type SitesParts, sitesDeployer } from './sites-deployer.ts'

export interface FlameletSitesParts
  extends Pick<SitesParts, 'own' | 'isOwn' | 'registry' | 'baseWeights' | 'now' | 'slots' | 'observer' | 'limits'> {
  readonly store: Store
  /** As in `CatalogueParts`. */
  readonly computeAdmins?: TrustedAdmins
  /** The actor of the flamelets that have joined. */
  readonly flamelets: ActorRef<FlameletsMessage>
}

/** Runs tasks with data on flamelets that have joined, and the others at the server's own site. */
export function flameletSitesDeployer({ store, computeAdmins, flamelets, ...parts }: FlameletSitesParts): Deployer {
  const records = new WeakMap<DeployableJob, Map<string, TaskRecord>>()
  return sitesDeployer({
    ...parts,
    store,
    sitesOf: () => ({
      follow: (follower) => flamelets.tell({ type: 'follow-flamelets', follower }),
      serving: (computes) => flameletsServing(store, computes),
    }),
    fits: (site, task, job) => servesCompute(site, task) && isTrusted(site, task, job),
    codeOf: (job) => archiveOf(job),
    tasksOf: withUrls,
    async factsOf(job) {
      return {
        codeHash: createHash('sha256')
          .update(await archiveOf(job))
          .digest('hex'),
      }
    },
  })

  /** The URL of a dataset of another owner than at the time of planning isn't told. */
  async function withUrls({ tasks }: DeployableJob): Promise<PlacedTask[]> {
    const { datasets } = collectionsOf(store)
    const found = new Map<string, DatasetRecord>()
    const ids = new Set(tasks.flatMap(({ dataset }) => dataset ?? []))
    await inBatches(ids, batchSize, async (batch) => {
      const read = await Promise.all(batch.map((id) => datasets.get(id)))
      for (const dataset of read) if (dataset) found.set(dataset.id, dataset.value)
    })
    return tasks.map((task) => {
      const dataset = found.get(task.dataset ?? '')
      const isOwned = dataset && (task.datasetOwner ?? dataset.userId) === dataset.userId
      return isOwned ? { ...task, datasetUrl: dataset.url } : task
    })
  }

  /** Whether the task's owner, or the server, trusts the flamelet's user. */
  function isTrusted({ user = '', isVouched }: RemoteSite, { end }: PlacedTask, job: DeployableJob): boolean {
    const known = records.get(job) ?? new Map(job.tasks.map((task) => [task.end, task]))
    records.set(job, known)
    const vouched = isVouched ? ({ vouched: true } as const) : {}
    return mayRun(computeAdmins, { adminId: user, ...vouched }, known.get(end) ?? {}, job.user)
  }

  async function archiveOf({ designSerial, spec: { codeRevision = 0 } }: DeployableJob): Promise<Uint8Array> {
    const key = `${designSerial}/${codeRevision}`
    const archive = await readArchive(store, key)
    if (!archive) throw catalogueError('CODE_UNKNOWN', { id: key })
    return archive
  }
}
