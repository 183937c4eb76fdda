export { trustedKeys } from './code/index.ts'
export { requireTrustworthy } from './code/signature.ts'
export { type FlameletOptions, type RunningFlamelet, startFlamelet } from './flamelet.ts'
export { type FlameletReport, isLiving, readReport } from './flamelet-state.ts'
