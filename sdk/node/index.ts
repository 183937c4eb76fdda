export * from '../data/node-idx.ts'
