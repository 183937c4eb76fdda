export { PackReader } from './pack-reader.ts'
export { PackWriter } from './pack-writer.ts'
