import type { ActorRef } from '../../runtime/index.ts'
import type { SiteMessage } from '../../sdk/index.ts'
import type { FlameletFacts, FlameletState, FlameletStatus } from '../model/flamelet.ts'
import type { FlameletRecord } from '../records/record-models.ts'
import type { DrainAnswer, FlameletMessage, FlameletRegistration, HostedRun } from './protocol.ts'
import type { RemoteSite } from './sites.ts'

/** All that is known of a flamelet. */
export interface Flamelet {
  readonly name: string
  user: string
  isAdmin: boolean
  isLocal: boolean
  job: string | undefined
  state: FlameletState
  since: string
  /** Absent before the first registration. */
  record?: FlameletRecord
  /** The actor by which the flamelet speaks. */
  voice?: ActorRef<FlameletMessage>
  site?: ActorRef<SiteMessage>
  hosted: readonly HostedRun[]
  residentBytes?: number
  /** The flamelet is about to end. */
  isLeaving: boolean
  /** Asks to drain that aren't answered. */
  draining: ActorRef<DrainAnswer>[]
}

/** The last part of a realm names the compute, the parts before it are the region. */
export function factsOf(name: string, registration: FlameletRegistration): FlameletFacts {
  const { realm = '', compute, datasets, mostTasks, memoryBytes, platform } = registration
  const cut = realm.lastIndexOf('/')
  return {
    region: compute === undefined ? realm.slice(0, Math.max(0, cut)) : realm,
    computeId: compute ?? (realm.slice(cut + 1) || name),
    datasets: [...datasets],
    mostTasks,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    platform: { ...platform },
  }
}

/** The flamelet as deployments see it. Undefined if it has no site. */
export function siteOf({ name, user, isAdmin, job, record, site }: Flamelet): RemoteSite | undefined {
  if (!record || !site) return undefined
  return { name, user, isVouched: isAdmin, facts: factsIn(record), site, ...(job === undefined ? {} : { job }) }
}

/** A flamelet that has proven nothing yet. */
export function newFlamelet(name: string, user: string, state: FlameletState, since: string): Flamelet {
  const unproven = { isAdmin: false, isLocal: false, job: undefined }
  return { name, user, ...unproven, state, since, hosted: [], isLeaving: false, draining: [] }
}

/** The flamelet as users see it. One that has joined another server since this server has heard of it is away here. */
export function statusOf(
  { name, user, state, since, hosted, residentBytes, site }: Flamelet,
  record: FlameletRecord,
): FlameletStatus {
  const { registeredAt, server } = record
  return {
    name,
    userId: user,
    state,
    since: site === undefined && state === 'away' && registeredAt > since ? registeredAt : since,
    ...(server === undefined ? {} : { server }),
    ...factsIn(record),
    ...(residentBytes === undefined ? {} : { residentBytes }),
    tasks: hosted.map(({ job, ends }) => ({ jobId: job, ends: [...ends] })),
  }
}

function factsIn({ region, computeId, datasets, mostTasks, memoryBytes, platform }: FlameletRecord): FlameletFacts {
  const memory = memoryBytes === undefined ? {} : { memoryBytes }
  return { region, computeId, datasets, mostTasks, ...memory, platform }
}
