import { errorFactory } from '../../runtime/index.ts'

/** Apart from the flamelet's other errors, which would make a page larger. */
const pageErrors = {
  PAGE_WORKLOAD: {
    message: 'job {job} has the workload {expected}, and the page {flamelet} has {has}',
    hint: 'give the task to another flamelet, or have the page bring the workload {expected}',
  },
  PAGE_DATASET: {
    message: '{end} trains on dataset {dataset}, which is not in the page {flamelet}: it has {has}',
    hint: 'give the page the dataset under this name, or under * for every name, or give the task to another flamelet',
  },
  PAGE_WORKER: {
    message: 'the worker of the flamelet has failed: {reason}',
    hint: "make the worker of a module that calls serveFlamelet, with the option { type: 'module' }, and see the console of the browser",
  },
} as const

export const pageError = errorFactory(pageErrors)
