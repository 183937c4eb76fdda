import type { Operation } from './operation.ts'

type Json = Readonly<Record<string, unknown>>

/** Where the id of what an operation creates is to be found, for the parameter of the paths below it. */
const created: Readonly<Record<string, { readonly parameter: string; readonly id: string }>> = {
  createDesign: { parameter: 'designId', id: '$request.body#/id' },
  createDataset: { parameter: 'datasetId', id: '$response.body' },
  createJob: { parameter: 'jobId', id: '$response.body#/id' },
  registerCompute: { parameter: 'computeId', id: '$response.body#/computeId' },
}

/** What can be done with that which an operation creates: the operations at its own path and below. */
export function linksOf({ id, path }: Operation, operations: readonly Operation[]): Json | undefined {
  const made = created[id]
  if (!made) return undefined
  const own = `${path}/{${made.parameter}}`
  const user = path.includes('{user}') ? { user: '$request.path.user' } : {}
  const linked = operations.filter((operation) => `${operation.path}/`.startsWith(`${own}/`))
  return Object.fromEntries(
    linked.map((operation) => [
      operation.id,
      { operationId: operation.id, parameters: { ...user, [made.parameter]: made.id } },
    ]),
  )
}
