export * from './agnostic.ts'
export * from './q-fed-avg.ts'
