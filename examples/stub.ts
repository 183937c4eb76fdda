import type { Strategy, Topology } from 'flame-fl/sdk'

export const stubTopology = (): Topology => ({ schema: { name: 'stub', roles: [], channels: [] }, dataSpec: [] })
export const stubStrategy = (): Strategy => ({
  name: 'stub',
  selector: { select: (ends) => ends },
  optimizer: { init: () => undefined, step: () => {} },
  localTerms: {},
  quorum: 1,
  minimumUpdates: 1,
  quantumBits: 34,
})
