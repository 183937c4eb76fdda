import type { Operation } from '../operation.ts'
import { computeOperations } from './computes.ts'
import { datasetOperations } from './datasets.ts'
import { designOperations } from './designs.ts'
import { jobOperations } from './jobs.ts'

/** All operations of the interface. */
export const operations: readonly Operation[] = [
  ...designOperations,
  ...datasetOperations,
  ...jobOperations,
  ...computeOperations,
]
