import { agentOperations, notificationOperations } from './agents.ts'
import { auditOperations } from './audit.ts'
import { computeOperations } from './computes.ts'
import { datasetOperations } from './datasets.ts'
import { designOperations } from './designs.ts'
import { jobEventOperations } from './job-events.ts'
import { jobOperations } from './jobs.ts'
import { usageOperations } from './usage.ts'

/** All operations, each with the types of its definition: those of the interface, then our own additions. */
export const operations = [
  ...designOperations,
  ...datasetOperations,
  ...jobOperations,
  ...agentOperations,
  ...computeOperations,
  ...notificationOperations,
  ...jobEventOperations,
  ...auditOperations,
  ...usageOperations,
]
