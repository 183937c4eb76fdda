export * from './agnostic.ts'
export * from './fed-gft.ts'
export * from './q-fed-avg.ts'
