export * from './fed-prox.ts'
export * from './scaffold.ts'
