import { createHash } from 'node:crypto'
import type { ActorRef, Store } from '../../../runtime/index.ts'
import { mayRun } from '../../catalogue/compute-trust.ts'
import { readArchive } from '../../catalogue/revisions.ts'
import type { FlameletsMessage } from '../../flamelets/flamelets.ts'
import { catalogueError } from '../../model/errors.ts'
import type { TrustedAdmins } from '../../records/parts.ts'
import type { TaskRecord } from '../../records/record-models.ts'
import type { DeployableJob, Deployer } from '../deployer.ts'
import { type PlacedTask, type RemoteSite, servesCompute } from './sites.ts'
import { type SitesParts, sitesDeployer } from './sites-deployer.ts'

export interface FlameletSitesParts
  extends Pick<SitesParts, 'own' | 'isOwn' | 'registry' | 'slots' | 'observer' | 'limits'> {
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
    sitesOf: () => ({ follow: (follower) => flamelets.tell({ type: 'follow-flamelets', follower }) }),
    fits: (site, task, job) => servesCompute(site, task) && isTrusted(site, task, job),
    codeOf: (job) => archiveOf(job),
    async factsOf(job) {
      return {
        codeHash: createHash('sha256')
          .update(await archiveOf(job))
          .digest('hex'),
      }
    },
  })

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
