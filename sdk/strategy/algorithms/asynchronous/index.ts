export * from './fed-buff.ts'
