import { auditOperations } from './audit.ts'
import { computeOperations } from './computes.ts'
import { datasetOperations } from './datasets.ts'
import { designOperations } from './designs.ts'
import { jobOperations } from './jobs.ts'

/** All operations of the interface, each with the types of its definition. */
export const operations = [
  ...designOperations,
  ...datasetOperations,
  ...jobOperations,
  ...computeOperations,
  ...auditOperations,
]
