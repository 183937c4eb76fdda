import type { Strategy } from 'flame-fl/sdk'

export const stubStrategy = (): Strategy => ({
  name: 'stub',
  selector: { select: (ends) => ends },
  optimizer: { init: () => undefined, step: () => {} },
  localTerms: {},
  quorum: 1,
  minimumUpdates: 1,
  quantumBits: 34,
})
