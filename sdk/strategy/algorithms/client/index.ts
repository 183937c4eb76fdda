export * from './fed-dyn.ts'
export * from './fed-nova.ts'
export * from './fed-prox.ts'
export * from './scaffold.ts'
