import type { NewDocument, Store } from '../../runtime/index.ts'
import { designSchema } from '../model/catalogue.ts'
import {
  codeRecord,
  computeRecord,
  datasetRecord,
  deploymentRecord,
  designRecord,
  expansionRecord,
  flameletRecord,
  holdingRecord,
  jobRecord,
  keptModelsRecord,
  leaseRecord,
  occasionRecord,
  recipientRecord,
  runsRecord,
  serverRecord,
  taskRecord,
  unreadJobRecord,
  wholeSpecification,
} from './record-models.ts'
import { insertEntries, recordsOf } from './records.ts'

/** Opens the control plane's documents, one collection for each kind of thing. */
export function collectionsOf({ documents }: Pick<Store, 'documents'>) {
  return {
    /** By user and design. */
    designs: recordsOf(documents, 'designs', designRecord),
    /** By a design's serial and revision. */
    schemas: recordsOf(documents, 'schemas', designSchema),
    codes: recordsOf(documents, 'codes', codeRecord),
    datasets: recordsOf(documents, 'datasets', datasetRecord),
    computes: recordsOf(documents, 'computes', computeRecord),
    /** By name. */
    flamelets: recordsOf(documents, 'flamelets', flameletRecord),
    jobs: recordsOf(documents, 'jobs', jobRecord),
    unreadJobs: recordsOf(documents, 'jobs', unreadJobRecord),
    /** Large specifications. By job and expansion. */
    specifications: recordsOf(documents, 'specifications', wholeSpecification),
    /** By job, expansion and task. */
    tasks: recordsOf(documents, 'tasks', taskRecord),
    /** By job and change. */
    expansions: recordsOf(documents, 'expansions', expansionRecord),
    /** By `job/` and job, or `audit/` and user. */
    holdings: recordsOf(documents, 'holdings', holdingRecord),
    servers: recordsOf(documents, 'servers', serverRecord),
    /** By job and fence. */
    leases: recordsOf(documents, 'leases', leaseRecord),
    /** By job. */
    runs: recordsOf(documents, 'runs', runsRecord),
    /** By job and the number of its first run. */
    keptModels: recordsOf(documents, 'keptModels', keptModelsRecord),
    /** By compute and job. */
    deployments: recordsOf(documents, 'deployments', deploymentRecord),
    /** By task or compute. */
    recipients: recordsOf(documents, 'recipients', recipientRecord),
    /** By recipient and job. */
    occasions: recordsOf(documents, 'occasions', occasionRecord),
    /** Inserts records of any of these collections, all or none. False if an id is taken. */
    insertAll: (entries: readonly NewDocument[]) => insertEntries(documents, entries),
  }
}

export type Collections = ReturnType<typeof collectionsOf>
